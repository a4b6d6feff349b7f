using LibNim.Unity;
using NIM;
using NIM.Session;
using UnityEngine;

/// <summary>
/// Logs in when the scene starts, sends a text to another user, shows the newest messages with that user
/// and every one that comes, and marks them as read.
/// </summary>
public sealed class ChatSample : MonoBehaviour, IAdvancedMsgListener, IConversationListener
{
    [SerializeField] private string link = "ws://127.0.0.1:8090/nim";
    [SerializeField] private string appKey = "";
    [SerializeField] private string userId = "alice";
    [SerializeField] private string token = "";
    [SerializeField] private string peer = "bob";

    private void Start()
    {
        if (!IMSDK.InitSDK(new IMConfig { Link = new[] { link }, AppKey = appKey }))
        {
            Debug.LogError(LibNim.NimLibrary.InitError);
            return;
        }
        IMSDK.SetAdvancedMsgListener(this);
        IMSDK.SetConversationListener(this);
        IMSDK.Login(userId, token, (suc, errCode, errMsg) =>
        {
            if (!suc)
            {
                Debug.LogError("login failed: " + errCode + " " + errMsg);
                return;
            }
            IMSDK.GetHistoryMessageList(ShowHistory, peer, 10);
            Send("hello from " + userId);
        });
    }

    /// <summary>Sends a text; a button can call it.</summary>
    public void Send(string text)
    {
        IMSDK.SendMessage((suc, errCode, errMsg) =>
        {
            if (suc) Debug.Log("sent: " + text);
            else Debug.LogError("not sent: " + errCode + " " + errMsg);
        }, IMSDK.CreateTextMessage(text), peer, "");
    }

    private void ShowHistory(System.Collections.Generic.IList<NIMIMMessage> messages, int errCode, string errMsg)
    {
        for (int i = messages.Count - 1; i >= 0; i--) Debug.Log("earlier: " + messages[i].SenderID + ": " + messages[i].Body);
    }

    public void OnRecvNewMessage(NIMIMMessage message)
    {
        Debug.Log(message.SenderID + ": " + message.Body);
        IMSDK.MarkConversationMessageAsRead(null, message.TalkID, message.SessionType);
    }

    public void OnNewConversation(SessionInfo conversation) { Debug.Log("new conversation: " + conversation.Id); }

    public void OnConversationChanged(SessionInfo conversation) { }

    public void OnTotalUnreadMessageCountChanged(int totalUnreadCount) { Debug.Log("unread: " + totalUnreadCount); }
}
