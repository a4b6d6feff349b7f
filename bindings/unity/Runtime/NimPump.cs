using UnityEngine;

namespace LibNim.Unity
{
    /// <summary>Runs the callbacks that are pending, once per frame, and stops the library with the game.</summary>
    [AddComponentMenu("")]
    internal sealed class NimPump : MonoBehaviour
    {
        private void OnEnable() { NimUnity.Attach(this); }

        private void Update() { NimLibrary.Dispatch(); }

        private void OnApplicationQuit() { NIM.ClientAPI.Cleanup(); }
    }
}
