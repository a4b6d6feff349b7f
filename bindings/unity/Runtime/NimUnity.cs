using System.Threading.Tasks;
using NIM;
using UnityEngine;

namespace LibNim.Unity
{
    /// <summary>
    /// Puts the library under Unity's player loop: pull mode, and a hidden object that runs the
    /// callbacks in each frame. It does so by itself when the game begins; nothing has to be called.
    /// </summary>
    public static class NimUnity
    {
        private static NimPump pump;

        /// <summary>Where the library keeps its files unless a game says otherwise.</summary>
        public static string DefaultDataDirectory { get { return Application.persistentDataPath + "/libnim"; } }

        /// <summary>
        /// A play session begins. Without a domain reload the handlers of the one before are still
        /// registered here and in C; both forget them.
        /// </summary>
        [RuntimeInitializeOnLoadMethod(RuntimeInitializeLoadType.SubsystemRegistration)]
        private static void Forget()
        {
            pump = null;
            NimLibrary.DetachCallbacks();
            Attach();
        }

        /// <summary>The first scene is about to load: objects can be made.</summary>
        [RuntimeInitializeOnLoadMethod(RuntimeInitializeLoadType.BeforeSceneLoad)]
        private static void MakePump()
        {
            if (pump != null) return;
            var host = new GameObject("libnim") { hideFlags = HideFlags.HideInHierarchy };
            Object.DontDestroyOnLoad(host);
            pump = host.AddComponent<NimPump>();
        }

        /// <summary>This domain takes the library over: pull mode, and failures of handlers in the console.</summary>
        internal static void Attach()
        {
            NimLibrary.HandlerFailed -= Debug.LogException;
            NimLibrary.HandlerFailed += Debug.LogException;
            if (!NimLibrary.SetDispatchMode(NimxDispatchMode.Pull))
                Debug.LogError("libnim: the library is initialised for push mode, which Unity cannot use");
        }

        /// <summary>The hidden object lives, in a domain that was reloaded while the game runs too.</summary>
        internal static void Attach(NimPump living)
        {
            if (pump == living) return;
            pump = living;
            Attach();
        }

        /// <summary>
        /// Waits on the main thread for a task of the library, and runs callbacks meanwhile. False
        /// after the time. The game stands still as long; await is better where it can be used.
        /// </summary>
        public static bool Wait(Task task, int timeoutMs) { return NimLibrary.Wait(task, timeoutMs); }
    }
}
