package demo

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// served asks a version of checkout for an item once every interval, from its start on, and tells how long each answer took
// and its status. It is called in a bubble, where time costs none.
func served(version, item string, requests int, every time.Duration) (took []time.Duration, status []int) {
	program := newProgram("checkout", version, newOrders())
	for range requests {
		began := time.Now()
		answer := httptest.NewRecorder()
		program.ServeHTTP(answer, httptest.NewRequest(http.MethodGet, "/orders?item="+item, nil))
		took, status = append(took, time.Since(began)), append(status, answer.Code)
		<-time.After(max(0, every-time.Since(began)))
	}
	return took, status
}

func average(times []time.Duration) float64 {
	var sum time.Duration
	for _, t := range times {
		sum += t
	}
	return sum.Seconds() / float64(len(times))
}

func TestSlowerVersions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const requests = 2000
		usual, _ := served("1.4.0", "7", requests, 0)
		for version, slower := range map[string]float64{Slower5: 1.05, Slower10: 1.10, Slower20: 1.20, Slower40: 1.40, SlowEndpoint: 1.40} {
			took, _ := served(version, "7", requests, 0)
			require.InDelta(t, slower, average(took)/average(usual), 0.02, version)
		}
		others, _ := served(SlowEndpoint, "6", requests, 0)
		require.InDelta(t, 1, average(others)/average(usual), 0.02)
	})
}

func TestColdStart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		took, _ := served(ColdStart, "1", 2000, 150*time.Millisecond)
		usual := average(took[10:])
		require.Greater(t, average(took[:10]), 1.3*usual)
		require.InDelta(t, usual, average(took[10:1000]), 0.02*usual, "the first seconds alone")
	})
}

func TestBurstOfErrors(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, status := served(Bursting, "1", 1000, 500*time.Millisecond) // ten requests between two bursts
		failed := 0
		for i, s := range status {
			if s == http.StatusOK {
				continue
			}
			failed++
			require.GreaterOrEqual(t, i%10, 8, "an error outside the burst")
		}
		require.InDelta(t, 100, failed, 40, "half of those in a burst")
	})
}

func TestLock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		took, _ := served(Locking, "1", 50, time.Second)
		for i, d := range took {
			if i%10 == 5 {
				require.Greater(t, d, 600*time.Millisecond)
				continue
			}
			require.Less(t, d, 400*time.Millisecond, "request %d", i)
		}
	})
}
