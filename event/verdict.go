package event

import (
	"fmt"
	"time"
)

// Action is what a rule does about a finding.
type Action uint8

// The zero Action lets traffic through without a word.
const (
	Pass  Action = iota
	Alert        // record a detection, let the traffic through
	Block        // record a detection, refuse the statement or the result
	Kill         // as Block, and end the session
)

var actionNames = [...]string{"pass", "alert", "block", "kill"}

// String returns the word that configuration and alerts use.
func (a Action) String() string {
	if int(a) < len(actionNames) {
		return actionNames[a]
	}
	return fmt.Sprintf("action(%d)", uint8(a))
}

// MarshalText implements encoding.TextMarshaler.
func (a Action) MarshalText() ([]byte, error) { return []byte(a.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (a *Action) UnmarshalText(b []byte) error {
	for i, n := range actionNames {
		if n == string(b) {
			*a = Action(i)
			return nil
		}
	}
	return fmt.Errorf("unknown action %q: use pass, alert, block or kill", b)
}

// Verdict is the engine's answer to a protocol. The zero Verdict lets traffic
// through. Only Block and Kill ask the protocol to do something: to refuse what
// it showed. That a session ends or slows down is a Measure, which does not pass
// through the protocol.
type Verdict struct {
	Action    Action
	Rule      string // the rule that decided
	Detection ID     // the record behind it, empty for Pass
	Message   string // what the client is told; empty: nothing but that it is refused
}

// Blocks reports whether the protocol must refuse what it just showed.
func (v Verdict) Blocks() bool { return v.Action >= Block }

// Measure is what is done to sessions beyond the verdict on what they just sent
// or asked. The engine orders it before it returns the verdict; the proxy carries
// it out at the next chunk of each session meant.
type Measure struct {
	// Session is the one meant; empty: every session for which Of is true.
	Session ID
	Of      func(*Client) bool
	// Kill ends the session once the refusal has been written.
	Kill bool
	// Delay is slept before each chunk that leaves in either direction, from now
	// on; zero changes nothing.
	Delay time.Duration
	// Rule and Detection are why, for the log and the last error that the client has.
	Rule      string
	Detection ID
}

// Severity orders detections. Higher is worse.
type Severity uint8

// The severities, in rising order.
const (
	Info Severity = iota
	Low
	Medium
	High
	Critical
)

var severityNames = [...]string{"info", "low", "medium", "high", "critical"}

// String returns the word that configuration and alerts use.
func (s Severity) String() string {
	if int(s) < len(severityNames) {
		return severityNames[s]
	}
	return fmt.Sprintf("severity(%d)", uint8(s))
}

// MarshalText implements encoding.TextMarshaler.
func (s Severity) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (s *Severity) UnmarshalText(b []byte) error {
	for i, n := range severityNames {
		if n == string(b) {
			*s = Severity(i)
			return nil
		}
	}
	return fmt.Errorf("unknown severity %q: use info, low, medium, high or critical", b)
}

// Channel is the way by which a value travelled.
type Channel string

// The channels. Those up to Stream carry data from the server to the client,
// the others from the client to the server.
const (
	ChannelRow          Channel = "row"          // a result row
	ChannelCopy         Channel = "copy"         // COPY TO STDOUT
	ChannelError        Channel = "error"        // an error's fields
	ChannelNotice       Channel = "notice"       // a notice's fields
	ChannelNotification Channel = "notification" // LISTEN/NOTIFY
	ChannelParameter    Channel = "parameter"    // a reported session parameter
	ChannelLabel        Channel = "label"        // a column's name
	ChannelFunction     Channel = "function"     // a fast-path function's result
	ChannelReplication  Channel = "replication"  // a replication stream
	ChannelStatement    Channel = "statement"    // statement text
	ChannelBind         Channel = "bind"         // a bound parameter
	ChannelCopyIn       Channel = "copy-in"      // COPY FROM STDIN
	ChannelLogin        Channel = "login"        // user, database or application name
)

// Inbound reports whether the client presented the value.
func (c Channel) Inbound() bool {
	switch c {
	case ChannelStatement, ChannelBind, ChannelCopyIn, ChannelLogin:
		return true
	}
	return false
}
