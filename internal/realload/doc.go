// Package realload holds the verdicts against real load: the demo's shop in a process of its own, the real engine, the real
// judge and the real confirmation, in situations of which it is known what is wrong. It is for whoever doubts the simulations;
// its tests have the build tag long. The confusion matrix comes from
//
//	go test -tags long -run TestLongRealLoad -timeout 6h ./internal/realload -realload FILE -runs 110
//
// It writes FILE after every run, and goes on where FILE.jsonl ends when it is begun again.
package realload
