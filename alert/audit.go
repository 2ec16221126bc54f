package alert

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"

	"honeyrow/event"
)

// Audit is what a check of the audit's chain found.
type Audit struct {
	// Links counts those that hold, Anchor is the number of the link that pruning
	// has moved the beginning to, Head the last link.
	Links  int        `json:"links"`
	Anchor uint64     `json:"anchor"`
	Head   event.Seal `json:"head"`
	// Detections and Changes count what is kept and is as it was committed.
	Detections int `json:"detections"`
	Changes    int `json:"changes"`
	// Before counts detections that are older than the chain.
	Before int `json:"before,omitempty"`
	// Witnessed counts witnesses that agree, TooOld those of links that are pruned.
	Witnessed int `json:"witnessed,omitempty"`
	TooOld    int `json:"too_old,omitempty"`
	// Broken is the first broken link; nil: none is.
	Broken *Break `json:"broken,omitempty"`
}

// Break is where a chain is broken.
type Break struct {
	N    uint64 `json:"n"`
	What string `json:"what"`
}

// Witness is a link as it was seen outside the database.
type Witness = event.Seal

// Auditor can check its audit.
type Auditor interface {
	// Verify follows the chain and compares it with the witnesses. A broken chain
	// is no error: Audit.Broken tells.
	Verify(ctx context.Context, witnesses []Witness) (Audit, error)
}

// Witnesses reads the links from detections' JSON lines, as sinks have written
// them; lines without one are passed over.
func Witnesses(r io.Reader) ([]Witness, error) {
	var out []Witness
	lines := bufio.NewReader(r)
	for n := 1; ; n++ {
		line, err := lines.ReadBytes('\n')
		if len(line) > 0 {
			var d struct {
				Audit *event.Seal `json:"audit"`
			}
			if jsonErr := json.Unmarshal(line, &d); jsonErr != nil {
				return nil, fmt.Errorf("line %d is no JSON: %w: name a file that a file sink has written", n, jsonErr)
			}
			if d.Audit != nil {
				out = append(out, *d.Audit)
			}
		}
		if err == io.EOF {
			return out, nil
		}
		if err != nil {
			return nil, err
		}
	}
}
