// Package port finds ports for servers that must be told theirs before they listen:
// those that tests, the demo and measurements start.
package port

import (
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"strconv"
)

// first is the lowest port that is taken.
const first = 10_000

// Free returns a port of 127.0.0.1 on which nobody listens. It may be another's by
// the time it is used, but hardly is: it is one of many by chance, and none of those
// from which the kernel takes an outgoing connection's own (ip_local_port_range,
// ip(7)), as it does for who listens on port 0: on a busy machine one such is soon
// given away again.
func Free() (int, error) {
	var err error
	for range 100 {
		var l net.Listener
		if l, err = net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(choose(outgoing())))); err == nil {
			return l.Addr().(*net.TCPAddr).Port, l.Close()
		}
	}
	return 0, fmt.Errorf("find a free port: %w", err)
}

// FreeAddress is Free with the address before it, as host:port.
func FreeAddress() (string, error) {
	p, err := Free()
	return net.JoinHostPort("127.0.0.1", strconv.Itoa(p)), err
}

// outgoing is the lowest port of outgoing connections; 0: it is not known.
func outgoing() (low int) {
	b, err := os.ReadFile("/proc/sys/net/ipv4/ip_local_port_range")
	if err != nil {
		return 0
	}
	_, _ = fmt.Sscan(string(b), &low)
	return low
}

// choose picks a port below low, or leaves it to the kernel (0) where there are few.
func choose(low int) int {
	if low < first+1000 {
		return 0
	}
	return first + rand.IntN(low-first)
}
