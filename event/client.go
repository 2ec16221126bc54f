package event

import "time"

// Client is everything known about the peer that opened a session. It is built
// by the protocol during login and is immutable from then on; what changes
// later (application_name) reaches the engine through inspect.Session.Set.
type Client struct {
	Session  ID        `json:"session"`
	Started  time.Time `json:"session_started"`
	Protocol string    `json:"protocol"` // "postgres", "mysql"
	Listener string    `json:"listener"` // the listener's name in the configuration
	Server   string    `json:"server"`   // the server's name in the configuration
	// Protect says that the listener is in protect mode: statements are understood
	// before they are sent, results held back until they are known to be harmless.
	Protect bool `json:"protect,omitempty"`
	// Address is "host:port" of the real client: the one that a PROXY header
	// names, else the socket's peer. "unix" for a unix socket.
	Address string `json:"address"`
	// Balancer is the socket's peer when a PROXY header named another client.
	Balancer string `json:"balancer,omitempty"`
	Peer     *Peer  `json:"peer,omitempty"` // unix sockets only
	// ServerVersion is what the server calls itself: "15.18", "10.11.6-MariaDB".
	ServerVersion string `json:"server_version,omitempty"`
	User          string `json:"user"`
	Database      string `json:"database"`
	Application   string `json:"application,omitempty"` // the client's own claim
	TLS           *TLS   `json:"tls,omitempty"`
	// BackendPID is the server's process (PostgreSQL) or connection id (MySQL).
	BackendPID  uint32 `json:"backend_pid,omitempty"`
	Replication string `json:"replication,omitempty"` // PostgreSQL: the startup packet's replication parameter; MySQL: the command, and why its stream is not read
	// Attributes are further claims of the client (MySQL connection attributes).
	Attributes map[string]string `json:"attributes,omitempty"`
}

// Peer is the process at the other end of a unix socket (SO_PEERCRED).
type Peer struct {
	PID int32  `json:"pid"`
	UID uint32 `json:"uid"`
	GID uint32 `json:"gid"`
}

// TLS describes the client's side of an encrypted session.
type TLS struct {
	Version     string `json:"version"` // "TLS 1.3"
	Cipher      string `json:"cipher"`
	ServerName  string `json:"server_name,omitempty"`
	Subject     string `json:"subject,omitempty"`     // verified client certificate
	Issuer      string `json:"issuer,omitempty"`      // of that certificate
	Fingerprint string `json:"fingerprint,omitempty"` // SHA-256 of that certificate, hex
}
