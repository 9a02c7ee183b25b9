// Package engine puts load on an environment for pipeline and records, second by second, how it answered. An engine
// measures and leaves judging to others: an environment that refuses, stalls or answers nonsense gives a record that
// says so, not an error.
package engine
