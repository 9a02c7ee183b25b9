// Package pipeline holds Bellwether's vocabulary (changes, runs, results, verdicts) and the straight line that takes a
// change to its verdict: prepare the environment, test, judge, confirm, report. It does no I/O of its own: the places
// that do are interfaces beside their callers, implemented under internal/ and wired by internal/app.
package pipeline
