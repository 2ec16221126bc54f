package pgwire

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/jackc/pgx/v5/pgproto3"

	"honeyrow/inspect/inspecttest"
	"honeyrow/proxy/wire"
)

// Most drivers prepare each query without a name, and the proxy uses the memory of
// such statements again. Whatever is pipelined, named, closed and refused beside
// them, a run belongs to the text that its Bind meant, and none to a statement
// that was given up (the recorder would say so).
func TestAnUnnamedStatementThatIsUsedAgainIsNoOtherOne(t *testing.T) {
	released := 0
	for seed := range uint64(20) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			r := rand.New(rand.NewPCG(seed, 1))
			x := start(t, nil)
			fails := seed%2 == 1
			texts := map[string]string{} // name → the text that the client means by it
			var want []string            // texts of the runs
			for n := range 40 {
				var ask, answer []encoder
				lost := false
				for range 1 + r.IntN(4) {
					name := []string{"", "", "", "a", "b"}[r.IntN(5)]
					if _, ok := texts[name]; !ok || r.IntN(3) > 0 {
						if ok && name != "" {
							ask = append(ask, &pgproto3.Close{ObjectType: 'S', Name: name})
							answer = append(answer, closed)
						}
						texts[name] = fmt.Sprintf("select %d, %d", n, len(ask))
						ask = append(ask, &pgproto3.Parse{Name: name, Query: texts[name], ParameterOIDs: make([]uint32, r.IntN(2))})
						answer = append(answer, parsed)
					}
					ask = append(ask, &pgproto3.Bind{PreparedStatement: name}, &pgproto3.Describe{ObjectType: 'P'}, &pgproto3.Execute{})
					answer = append(answer, bound, columns("c"), row("1"), done("SELECT 1"))
					want = append(want, texts[name])
					if fails && r.IntN(6) == 0 {
						cut := r.IntN(len(answer))
						if _, is := answer[cut].(*pgproto3.CloseComplete); is {
							cut++ // a Close does not fail
						}
						answer, lost = append(answer[:cut:cut], failed("42601", "no")), true
						break
					}
				}
				x.exchange(wire.Client, nil, enc(t, append(ask, syncMsg)...))
				x.exchange(wire.Server, nil, enc(t, append(answer, readyIdle)...))
				if lost {
					clear(texts) // what stands is the server's to say: everything is prepared anew
				}
			}
			prepared := x.rec.Calls("Prepare")
			var got []string
			for _, c := range x.rec.Calls("Run") {
				i := slices.IndexFunc(prepared, func(p inspecttest.Call) bool { return p.Statement == c.Statement })
				got = append(got, string(prepared[i].Data))
			}
			if !slices.Equal(got, want) {
				t.Errorf("runs of %q, want %q", got, want)
			}
			released += len(x.rec.Calls("Release"))
		})
	}
	if released == 0 {
		t.Error("no statement was used again")
	}
}

func TestAStatementInAPipelineIsNotUsedAgainBeforeItsAnswer(t *testing.T) {
	x := start(t, nil)
	var ask []encoder
	for n := range 6 {
		ask = append(ask, &pgproto3.Parse{Query: fmt.Sprintf("selec %d", n)})
	}
	x.client(nil, append(ask, syncMsg)...)
	x.server(nil, failed("42601", "syntax"), readyIdle)
	if f := x.rec.Calls("Failed"); len(f) != 1 || f[0].Statement != 1 {
		t.Errorf("the first of six failed, said was %+v", f)
	}
	if n := len(x.rec.Calls("Release")); n != 0 {
		t.Errorf("%d of them were given up before their answer", n)
	}
}
