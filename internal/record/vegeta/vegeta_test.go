package vegeta

import (
	"bytes"
	"testing"
	"testing/iotest"
	"time"

	"github.com/stretchr/testify/require"
	vegeta "github.com/tsenart/vegeta/v12/lib"

	"bellwether/pipeline"
)

func gob(t testing.TB, results ...vegeta.Result) []byte {
	var out bytes.Buffer
	encode := vegeta.NewEncoder(&out)
	for _, r := range results {
		require.NoError(t, encode(&r))
	}
	return out.Bytes()
}

func answered() vegeta.Result {
	return vegeta.Result{Attack: "a", Code: 200, Timestamp: time.Unix(1641298536, 0), Latency: time.Second, Method: "GET", URL: "http://shop.test/cart?id=1"}
}

func TestErrorsAreVegetasOwn(t *testing.T) {
	for _, tc := range []struct {
		code   uint16
		text   string
		failed bool
	}{{200, "", false}, {399, "", false}, {400, "", true}, {199, "", true}, {0, "refused", true}, {200, "body cut off", true}} {
		r := answered()
		r.Code, r.Error = tc.code, tc.text
		counted, err := ReadGob(bytes.NewReader(gob(t, r)))
		require.NoError(t, err)
		require.Equal(t, tc.failed, counted.Record().Series[0].Failed, tc)
	}
}

func TestTargetsAreMethodAndPath(t *testing.T) {
	for url, want := range map[string]string{
		"http://shop.test/cart?id=1": "GET /cart", "http://shop.test": "GET", "": "GET", "/a%20b": "GET /a%20b", ":": "GET :",
	} {
		r := answered()
		r.URL = url
		counted, err := ReadGob(bytes.NewReader(gob(t, r)))
		require.NoError(t, err)
		require.Equal(t, want, counted.Record().Series[0].Target)
	}
}

func TestGobsThatAreDamaged(t *testing.T) {
	whole := gob(t, answered(), answered())
	read := func(text []byte) error {
		_, err := ReadGob(iotest.OneByteReader(bytes.NewReader(text)))
		return err
	}
	require.NoError(t, read(whole))
	for length := range whole[:len(whole)-1] {
		err := read(whole[:length])
		if err != nil {
			require.Regexp(t, "^(result [12]: cut off|vegeta recorded no result)", err.Error(), length)
		}
	}
	require.ErrorContains(t, read(append(bytes.Clone(whole), gob(t, answered())...)), "result 3: another file begins here")
	require.ErrorContains(t, read(append(bytes.Clone(whole), 0xf8, 0x7f, 1, 1, 1, 1, 1, 1, 1)), "result 3: a result of 9151597021616996609 bytes, more than 1 MiB")
	require.ErrorContains(t, read(append(bytes.Clone(whole), 0x90)), "result 3: damaged: no length")
	large := answered()
	large.Body = make([]byte, largest)
	require.ErrorContains(t, read(gob(t, answered(), large)), "result 2: a result of ")
}

func FuzzReaders(f *testing.F) {
	f.Add(gob(f, answered()))
	f.Add([]byte(`{"timestamp":"2022-01-04T12:15:36Z","latency":1,"code":200}` + "\n"))
	f.Add([]byte("1641298536200000000,200,1000,0,0,\"a,\nb\",,a,0,GET,/,\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		if counted, err := ReadGob(bytes.NewReader(text)); err == nil {
			require.Equal(t, counted.Requests(), pipeline.Summarise(counted.Record())[""].Requests)
		}
		if counted, err := ReadJSON(bytes.NewReader(text)); err == nil {
			require.Equal(t, counted.Requests(), pipeline.Summarise(counted.Record())[""].Requests)
		}
		if counted, err := ReadCSV(bytes.NewReader(text)); err == nil {
			require.Equal(t, counted.Requests(), pipeline.Summarise(counted.Record())[""].Requests)
		}
	})
}
