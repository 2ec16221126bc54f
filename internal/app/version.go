package app

import (
	"runtime"
	"runtime/debug"
)

// version is set by the linker for releases: -X honeyrow/internal/app.version=1.2.3.
var version = "0.1.0-dev"

// BuildInfo says what the program was built from and with.
type BuildInfo struct {
	Version  string `json:"version"`
	Revision string `json:"revision,omitempty"`
	Modified bool   `json:"modified,omitempty"` // the tree had changes that were not committed
	Go       string `json:"go"`
	OS       string `json:"os"`
	Arch     string `json:"arch"`
}

// Version is the program's version.
func Version() string { return version }

// Build reads the build's facts from the running program.
func Build() BuildInfo {
	b := BuildInfo{Version: version, Go: runtime.Version(), OS: runtime.GOOS, Arch: runtime.GOARCH}
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, s := range info.Settings {
			switch s.Key {
			case "vcs.revision":
				b.Revision = s.Value
			case "vcs.modified":
				b.Modified = s.Value == "true"
			}
		}
	}
	return b
}
