package jmeter

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"bellwether/pipeline"
)

func TestColumnsInAnyOrderBetweenAnyDelimiters(t *testing.T) {
	for name, text := range map[string]string{
		"comma": "timeStamp,elapsed,label,responseCode,success,bytes\n1641298536200,114,cart,200,true,9\n",
		"tab":   "timeStamp\tlabel\tsuccess\telapsed\n1641298536200\tcart\ttrue\t114\n",
		"bar":   "timeStamp|elapsed|label|success|\"my_variable\"\n1641298536200|114|cart|true|\"a|b\"\n",
		"CRLF":  "timeStamp;elapsed;label;success\r\n1641298536200;114;cart;true\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			require.True(t, IsCSV([]byte(text)))
			counted, err := ReadCSV(strings.NewReader(text))
			require.NoError(t, err)
			got := counted.Record().Series
			require.Len(t, got, 1)
			require.Equal(t, "cart", got[0].Target)
			require.False(t, got[0].Failed)
			require.EqualValues(t, 114_047, got[0].Cells[0].Latency[0].Value, "the bucket of 114 ms")
		})
	}
}

// A sample that sums up others counts only where those were not written.
func TestTransactions(t *testing.T) {
	const header = "timeStamp,elapsed,label,responseMessage,success\n"
	const transaction = "1641298536200,134,buy,\"Number of samples in transaction : 2, number of failing samples : 1\",false\n"
	for text, want := range map[string]string{
		header + "1641298536200,114,cart,OK,true\n" + transaction: "cart",
		header + transaction: "buy",
	} {
		counted, err := ReadCSV(strings.NewReader(text))
		require.NoError(t, err)
		got := counted.Record()
		require.Len(t, got.Series, 1)
		require.Equal(t, want, got.Series[0].Target)
		require.EqualValues(t, 1, pipeline.Summarise(got)[""].Requests)
	}
}

func TestWhatIsNoJTL(t *testing.T) {
	require.False(t, IsCSV([]byte("timeStamp\n")))
	require.False(t, IsCSV([]byte("metric_name,timestamp,metric_value\n")))
	require.False(t, IsHeadless([]byte("1641298536200,x\n")))
	require.True(t, IsXML([]byte("<?xml version=\"1.0\"?>\n<testResults version=\"1.2\">")))
	require.False(t, IsXML([]byte("<?xml version=\"1.0\"?>\n<html>")))
}

func FuzzCSV(f *testing.F) {
	f.Add("timeStamp,elapsed,label,success\n1641298536200,114,cart,true\n")
	f.Add("timeStamp;elapsed;label;success\n1641298536200;114;\"a;b\n\";false\n")
	f.Fuzz(func(t *testing.T, text string) {
		if !IsCSV([]byte(text)) {
			return
		}
		counted, err := ReadCSV(strings.NewReader(text))
		if err == nil {
			require.Equal(t, counted.Requests(), pipeline.Summarise(counted.Record())[""].Requests)
		}
	})
}
