package port

import (
	"net"
	"strconv"
	"testing"
)

func TestAFreePortIsNoneOfThoseThatOutgoingConnectionsGet(t *testing.T) {
	low := outgoing()
	seen := map[int]bool{}
	for range 50 {
		p, err := Free()
		if err != nil {
			t.Fatal(err)
		}
		if low >= first+1000 && (p < first || p >= low) {
			t.Errorf("port %d, want %d to %d", p, first, low)
		}
		seen[p] = true
	}
	if len(seen) < 2 {
		t.Errorf("the same port each time: %v", seen)
	}
}

func TestAPortOnWhichSomebodyListensIsNotFree(t *testing.T) {
	p, err := Free()
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:"+strconv.Itoa(p))
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	for range 200 {
		if got, err := Free(); err != nil || got == p {
			t.Fatalf("port %d (%v), on which a listener is", got, err)
		}
	}
}

func TestWhereFewPortsAreLeftTheKernelChooses(t *testing.T) {
	for _, low := range []int{0, 1024, first, first + 999} {
		if got := choose(low); got != 0 {
			t.Errorf("below %d: %d", low, got)
		}
	}
	if p := choose(first + 1000); p < first || p >= first+1000 {
		t.Errorf("port %d", p)
	}
}
