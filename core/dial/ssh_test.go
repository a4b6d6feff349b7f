package dial

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/binary"
	"io"
	"net"
	"os/exec"
	"strconv"
	"testing"

	"github.com/libnim/libnim/core/proxy"
	"golang.org/x/crypto/ssh"
)

// onlyTheProxyKnows is a name that the SSH server behind openssh takes for the
// loopback interface, and that no resolver knows.
const onlyTheProxyKnows = "gateway.invalid"

// openssh runs ssh -D, which speaks SOCKS4, 4a and 5, with an SSH server in this
// process that opens the connections.
func openssh(t *testing.T, host string, kind proxy.Type) proxy.Config {
	path := program(t, "ssh")
	_, server, err := net.SplitHostPort(serveSSH(t))
	if err != nil {
		t.Fatal(err)
	}
	port := startProxy(t, host, func(port string) *exec.Cmd {
		return exec.Command(path, "-F", "/dev/null", "-N", "-D", net.JoinHostPort(host, port), "-p", server,
			"-o", "ExitOnForwardFailure=yes", "-o", "BatchMode=yes", "-o", "IdentityAgent=none", "-o", "LogLevel=ERROR",
			"-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null", "somebody@127.0.0.1")
	})
	return proxy.Config{Type: kind, Host: host, Port: port}
}

// serveSSH runs an SSH server that lets everybody in and does nothing but open
// connections for its clients.
func serveSSH(t *testing.T) (address string) {
	t.Helper()
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	signer, err := ssh.NewSignerFromKey(key)
	if err != nil {
		t.Fatal(err)
	}
	config := &ssh.ServerConfig{NoClientAuth: true}
	config.AddHostKey(signer)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go forward(c, config)
		}
	}()
	return l.Addr().String()
}

// forward serves one SSH client until it goes.
func forward(c net.Conn, config *ssh.ServerConfig) {
	defer c.Close()
	_, channels, requests, err := ssh.NewServerConn(c, config)
	if err != nil {
		return
	}
	go ssh.DiscardRequests(requests)
	for asked := range channels {
		to, ok := directTarget(asked)
		if !ok {
			asked.Reject(ssh.UnknownChannelType, "")
			continue
		}
		go func() {
			server, err := net.Dial("tcp", to)
			if err != nil {
				asked.Reject(ssh.ConnectionFailed, "")
				return
			}
			defer server.Close()
			client, requests, err := asked.Accept()
			if err != nil {
				return
			}
			defer client.Close()
			go ssh.DiscardRequests(requests)
			go io.Copy(client, server)
			io.Copy(server, client)
		}()
	}
}

// directTarget reads the address of a direct-tcpip channel, RFC 4254 §7.2.
func directTarget(asked ssh.NewChannel) (address string, ok bool) {
	data := asked.ExtraData()
	if asked.ChannelType() != "direct-tcpip" || len(data) < 4 {
		return "", false
	}
	n := int(binary.BigEndian.Uint32(data))
	if len(data) < 4+n+4 {
		return "", false
	}
	host, port := string(data[4:4+n]), binary.BigEndian.Uint32(data[4+n:])
	if host == onlyTheProxyKnows {
		host = "127.0.0.1"
	}
	return net.JoinHostPort(host, strconv.Itoa(int(port))), true
}
