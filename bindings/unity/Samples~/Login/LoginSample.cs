using LibNim.Unity;
using UnityEngine;

/// <summary>Logs in when the scene starts, and tells in the console what happens.</summary>
public sealed class LoginSample : MonoBehaviour, IConnListener
{
    [SerializeField] private string link = "ws://127.0.0.1:8090/nim";
    [SerializeField] private string appKey = "";
    [SerializeField] private string userId = "alice";
    [SerializeField] private string token = "";

    private void Start()
    {
        if (!IMSDK.InitSDK(new IMConfig { Link = new[] { link }, AppKey = appKey }, this))
        {
            Debug.LogError(LibNim.NimLibrary.InitError);
            return;
        }
        IMSDK.Login(userId, token, (suc, errCode, errMsg) =>
        {
            if (suc) Debug.Log("logged in as " + IMSDK.GetLoginUserId());
            else Debug.LogError("login failed: " + errCode + " " + errMsg);
        });
    }

    public void OnConnecting() { Debug.Log("connecting"); }

    public void OnConnectSuccess() { Debug.Log("connected"); }

    public void OnConnectFailed(int errCode, string errMsg) { Debug.Log("not connected: " + errCode + " " + errMsg); }

    public void OnKickedOffline() { Debug.Log("kicked out"); }

    public void OnUserTokenExpired() { Debug.Log("the token has expired"); }

    public void OnUserTokenInvalid(string errMsg) { Debug.Log("the token is wrong: " + errMsg); }
}
