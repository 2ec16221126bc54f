// Package sqlite keeps the registry of tokens and the outbox of detections in
// one SQLite file.
//
//	honeyrow.db      0600  tables of migrations/; secrets sealed
//	honeyrow.db-wal  0600  SQLite's write-ahead log
//	honeyrow.db-shm  0600  SQLite's shared index of that log
//	honeyrow.key     0600  32 random bytes in hex, kept apart (LoadKey)
//
// What would tell a thief of the file which rows are bait (a token's value and
// binary form, the key of its row, its note) and what clients asked (the
// bodies of detections) is sealed with AES-256-GCM. The associated data holds
// the id of the record, so that sealed values cannot be swapped between rows.
// A keyed hash of each value makes look-ups by value possible. Tables, columns,
// kinds, states and times are in the clear.
//
// Commits are synchronous (WAL, synchronous=FULL): what Add, SetState and Put
// have returned from survives kill -9 and the loss of power. Several processes
// may use the file at once, on one machine and on a local file system.
package sqlite
