package openimfake

// Frames captured of a real deployment (open-im-server 7848d7c7), byte for byte.
const (
	// CapturedRequest asks for the newest sequence numbers; data is
	// GetMaxSeqReq{userID: alice}.
	CapturedRequest = `{"reqIdentifier":1001,"token":"","sendID":"alice","operationID":"op-A-1","msgIncr":"A_1","data":"CgVhbGljZQ=="}`
	// CapturedReply answers CapturedRequest.
	CapturedReply = `{"reqIdentifier":1001,"msgIncr":"A_1","operationID":"op-A-1","errCode":0,"errMsg":"","data":"ChAKDHNpX2FsaWNlX2JvYhAB"}`
	// CapturedKick is what every kicked client gets, whatever the reason.
	CapturedKick = `{"reqIdentifier":2002,"msgIncr":"","operationID":"","errCode":0,"errMsg":"","data":null}`
	// CapturedOnline is pushed when a phone of alice joins her PC.
	CapturedOnline = `{"reqIdentifier":2005,"msgIncr":"","operationID":"","errCode":0,"errMsg":"","data":"CgsKBWFsaWNlEgICAw=="}`
	// CapturedMessage is a text message pushed to bob.
	CapturedMessage = `{"reqIdentifier":2001,"msgIncr":"","operationID":"op-A-1","errCode":0,"errMsg":"","data":"CowBCgxzaV9hbGljZV9ib2ISfAp6CgVhbGljZRIDYm9iIhVjbTE3OTUyNDUyMzE5NTY0NDA3NTYqIDYyMTMwZDk3NGIwZmIxZDk1MzYwMDhiZGZiZDRlNzNiMAM6BWFsaWNlSAFQZFhlYhN7ImNvbnRlbnQiOiJoZWxsbyJ9cDR41J7R5580gAHUntHnnzQ="}`
	// CapturedAccepted is the first text frame of a login that is accepted.
	CapturedAccepted = `{"errCode":0,"errMsg":"","errDlt":""}`

	// Base64 of protobuf: SubUserOnlineStatus{alice, bob}, and two
	// SubUserOnlineStatusTips: alice on 3 and bob offline; bob offline.
	CapturedSubscription = "CgVhbGljZQoDYm9i"
	CapturedTips         = "CgoKBWFsaWNlEgEDCgUKA2JvYg=="
	CapturedOffline      = "CgUKA2JvYg=="
)

// CapturedRefusals are the results of token checks that failed.
var CapturedRefusals = []string{
	`{"errCode":1503,"errMsg":"TokenMalformedError","errDlt":""}`,
	`{"errCode":1505,"errMsg":"signature is invalid","errDlt":""}`,
	`{"errCode":1507,"errMsg":"TokenNotExistError","errDlt":""}`,
	`{"errCode":1501,"errMsg":"TokenExpiredError","errDlt":""}`,
	`{"errCode":1502,"errMsg":"TokenInvalidError","errDlt":"token uid alice != userID bob"}`,
	`{"errCode":1502,"errMsg":"TokenInvalidError","errDlt":"token platform 3 != platformID 4"}`,
	`{"errCode":1506,"errMsg":"TokenKickedError","errDlt":""}`,
	`{"errCode":1602,"errMsg":"args err, need token, sendID, platformID","errDlt":"token is empty"}`,
}
