package chaos

import "testing"

// TestMain lets the test binary be run as a replica.
func TestMain(m *testing.M) {
	Bellwether()
	m.Run()
}
