package dial

import "syscall"

// System errors that say why a connection did not come about: the numbers of
// Winsock, for the names of package syscall are inventions there.
var (
	errnoRefused     = []syscall.Errno{10061}                             // WSAECONNREFUSED
	errnoReset       = []syscall.Errno{10054, 10053}                      // WSAECONNRESET, WSAECONNABORTED
	errnoUnreachable = []syscall.Errno{10051, 10065, 10050, 10049, 10047} // WSAENETUNREACH, HOSTUNREACH, NETDOWN, ADDRNOTAVAIL, AFNOSUPPORT
)
