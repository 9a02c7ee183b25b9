// Package arch holds the table of who may import whom, and a test that fails on any other arrow.
package arch
