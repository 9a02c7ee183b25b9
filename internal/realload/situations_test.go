//go:build long

package realload

import (
	"runtime"
	"sync"
	"testing"

	"bellwether/internal/demo"
	"bellwether/pipeline"
)

// situation is a version of the shop, and how well the generator is.
type situation struct {
	name, version string
	right         pipeline.Verdict // after confirmation; empty when either is: it is just the least effect that counts
	workers       uint64           // of the generator; 0: as many as it wants
	crowded       bool             // the generator has one processor, and shares it
}

var situations = []situation{
	{name: "nothing changed", version: unchanged, right: pipeline.Pass},
	{name: "5 % slower", version: demo.Slower5},
	{name: "10 % slower", version: demo.Slower10, right: pipeline.Regressed},
	{name: "20 % slower", version: demo.Slower20, right: pipeline.Regressed},
	{name: "40 % slower", version: demo.Slower40, right: pipeline.Regressed},
	{name: "errors in one second of five", version: demo.Bursting, right: pipeline.Regressed},
	{name: "a lock of 600 ms every 10 s", version: demo.Locking, right: pipeline.Regressed},
	{name: "one endpoint of ten 40 % slower", version: demo.SlowEndpoint, right: pipeline.Regressed},
	{name: "a cold start within the warm-up", version: demo.ColdStart, right: pipeline.Pass},
	{name: "a generator with 4 workers", version: unchanged, right: pipeline.Invalid, workers: 4},
	{name: "a generator without a processor", version: unchanged, right: pipeline.Invalid, crowded: true},
}

func (s situation) measured(t *testing.T, b *bench) pipeline.Result {
	with := generator()
	with.MaxWorkers = s.workers
	if !s.crowded {
		return b.measure(t, s.version, with)
	}
	return crowd(func() pipeline.Result { return b.measure(t, s.version, with) })
}

// crowd leaves this process one processor, for which sixteen others compete, while do runs.
func crowd(do func() pipeline.Result) pipeline.Result {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	var others sync.WaitGroup
	stop := make(chan struct{})
	for range 16 {
		others.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
			}
		})
	}
	defer others.Wait()
	defer close(stop)
	return do()
}
