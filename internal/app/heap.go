package app

import (
	"os"
	"runtime/debug"

	"honeyrow/token"
)

// Bounds of what the collector may let grow beside the tokens.
const (
	largeIndex = 32 << 20 // bytes from which the heap is kept close to what is in use
	headroom   = 64 << 20 // bytes of garbage that are let be then
)

// watch has the engine look for the snapshot's tokens and gives back the memory
// that this took: the snapshot is several times as large as what is kept of it.
// By default the collector waits until the heap has doubled; of a large set of
// tokens, which is never garbage, that would be a waste. GOGC, if it is set, is
// left alone. The caller must not use the snapshot afterwards.
func (a *App) watch(snap *token.Snapshot) {
	first := a.engine.Version() == 0
	a.engine.Swap(snap)
	*snap = token.Snapshot{}
	size := a.engine.Stats().IndexBytes
	if size < largeIndex {
		if first { // what the start leaves behind would stay until sessions have made as much
			debug.FreeOSMemory()
		}
		return
	}
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(max(10, min(100, 100*headroom/size)))
	}
	debug.FreeOSMemory()
}
