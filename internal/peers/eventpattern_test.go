package peers

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// ec2 is the sample event of the AWS documentation, with an array, a null and an empty text besides.
const ec2 = `{
  "version": "0", "id": "6a7e8feb-b491-4cf7-a9f1-bf3703467718", "detail-type": "EC2 Instance State-change Notification",
  "source": "aws.ec2", "account": "111122223333", "time": "2017-12-22T18:43:48Z", "region": "us-west-1",
  "resources": ["arn:aws:ec2:us-west-1:123456789012:instance/i-1234567890abcdef0", "arn:two"],
  "detail": {
    "instance-id": "i-1234567890abcdef0", "state": "terminated", "c-count": 5, "d-count": 3, "x-limit": 301.8,
    "eventVersion": "", "responseElements": null, "encrypted": true, "tags": [], "path": "a/lib/b.png",
    "volumes": [{"id": "v1", "size": 1}, {"id": "v2", "size": 2}]
  }
}`

func TestPattern(t *testing.T) {
	for _, c := range []struct {
		pattern string
		want    bool
	}{
		{`{"source": ["aws.ec2"]}`, true},
		{`{"source": ["aws.fargate", "aws.ec2"]}`, true},
		{`{"source": ["aws.EC2"]}`, false},
		{`{"source": ["aws.ec2"], "detail-type": ["EC2 Instance State-change Notification"], "detail": {"state": ["terminated"]}}`, true},
		{`{"source": ["aws.ec2"], "detail": {"state": ["running"]}}`, false},
		{`{"detail": {"state": {"name": ["terminated"]}}}`, false},
		{`{"detail": ["terminated"]}`, false},
		{`{"absent": {"deep": ["x"]}}`, false},

		// arrays in the event: the intersection counts
		{`{"resources": ["arn:two"]}`, true},
		{`{"resources": ["arn:three"]}`, false},
		{`{"detail": {"volumes": {"id": ["v2"], "size": [2]}}}`, true},
		{`{"detail": {"volumes": {"id": ["v2"], "size": [1]}}}`, false},

		// numbers, null, empty, booleans
		{`{"detail": {"c-count": [5]}}`, true},
		{`{"detail": {"c-count": [5.0]}}`, true},
		{`{"detail": {"c-count": ["5"]}}`, false},
		{`{"detail": {"encrypted": [true]}}`, true},
		{`{"detail": {"encrypted": ["true"]}}`, false},
		{`{"detail": {"responseElements": [null]}}`, true},
		{`{"detail": {"eventVersion": [null]}}`, false},
		{`{"detail": {"eventVersion": [""]}}`, true},
		{`{"detail": {"absent": [null]}}`, false},

		{`{"time": [{"prefix": "2017-12-22"}]}`, true},
		{`{"time": [{"prefix": "2017-10-02"}]}`, false},
		{`{"region": [{"prefix": {"equals-ignore-case": "US-"}}]}`, true},
		{`{"detail": {"c-count": [{"prefix": "5"}]}}`, false},
		{`{"detail": {"path": [{"suffix": ".png"}]}}`, true},
		{`{"detail": {"path": [{"suffix": ".PNG"}]}}`, false},
		{`{"detail": {"path": [{"suffix": {"equals-ignore-case": ".PNG"}}]}}`, true},
		{`{"detail": {"state": [{"equals-ignore-case": "TERMINATED"}]}}`, true},
		{`{"detail": {"path": [{"wildcard": "a/*.png"}]}}`, true},
		{`{"detail": {"path": [{"wildcard": "a/*.p?g"}]}}`, false},

		{`{"detail": {"state": [{"anything-but": "initializing"}]}}`, true},
		{`{"detail": {"state": [{"anything-but": "terminated"}]}}`, false},
		{`{"detail": {"state": [{"anything-but": ["stopped", "terminated"]}]}}`, false},
		{`{"detail": {"x-limit": [{"anything-but": 123}]}}`, true},
		{`{"detail": {"x-limit": [{"anything-but": [100, 301.8]}]}}`, false},
		{`{"detail": {"state": [{"anything-but": {"prefix": "init"}}]}}`, true},
		{`{"detail": {"state": [{"anything-but": {"prefix": ["init", "term"]}}]}}`, false},
		{`{"detail": {"path": [{"anything-but": {"suffix": ".png"}}]}}`, false},
		{`{"detail": {"path": [{"anything-but": {"wildcard": "*/lib/*"}}]}}`, false},
		{`{"detail": {"state": [{"anything-but": {"equals-ignore-case": ["initializing", "stopped"]}}]}}`, true},
		{`{"detail": {"absent": [{"anything-but": "x"}]}}`, false},

		{`{"detail": {"c-count": [{"numeric": [">", 0, "<=", 5]}], "d-count": [{"numeric": ["<", 10]}], "x-limit": [{"anything-but": [100, 200, 300]}]}}`, true},
		{`{"detail": {"c-count": [{"numeric": [">", 0, "<", 5]}]}}`, false},
		{`{"detail": {"x-limit": [{"numeric": ["=", 3.018e2]}]}}`, true},
		{`{"detail": {"state": [{"numeric": [">=", 0]}]}}`, false},

		{`{"detail": {"c-count": [{"exists": true}]}}`, true},
		{`{"detail": {"c-count": [{"exists": false}]}}`, false},
		{`{"detail": {"absent": [{"exists": false}]}}`, true},
		{`{"absent": {"deep": [{"exists": false}]}}`, true},
		{`{"detail": {"responseElements": [{"exists": true}]}}`, true},
		{`{"detail": {"tags": [{"exists": true}]}}`, false},
		{`{"detail": [{"exists": true}]}`, false}, // leaves only
		{`{"detail": {"absent": ["x", {"exists": false}]}}`, true},

		{`{"detail": {"$or": [{"c-count": [{"numeric": [">", 6]}]}, {"d-count": [{"numeric": ["<", 10]}]}]}}`, true},
		{`{"detail": {"$or": [{"c-count": [6]}, {"d-count": [6]}]}}`, false},
		{`{"source": ["aws.ecr"], "$or": [{"region": ["us-west-1"]}, {"region": ["us-west-2"]}]}`, false},
		{`{"$or": [{"source": ["aws.ecr"]}, {"detail": {"$or": [{"state": ["running"]}, {"state": ["terminated"]}]}}]}`, true},
	} {
		matches, err := compilePattern([]byte(c.pattern))
		require.NoError(t, err, c.pattern)
		require.Equal(t, c.want, matches([]byte(ec2)), c.pattern)
	}
}

func TestPatternThatPutRuleRefuses(t *testing.T) {
	for pattern, want := range map[string]string{
		`{"source": `:                     "unexpected end",
		`{}`:                              "empty objects",
		`{"detail": {}}`:                  "empty objects",
		`{"source": []}`:                  "empty arrays",
		`{"source": "aws.ec2"}`:           `"source" must be an object or an array`,
		`{"source": [["aws.ec2"]]}`:       "arrays in arrays",
		`{"source": [{"contains": "x"}]}`: "unrecognized match type contains",
		`{"source": [{"prefix": "a", "suffix": "b"}]}`:   "only one key",
		`{"source": [{"prefix": ""}]}`:                   "not empty",
		`{"source": [{"prefix": 1}]}`:                    "takes a string",
		`{"source": [{"exists": "yes"}]}`:                "true or false",
		`{"source": [{"anything-but": []}]}`:             "at least one value",
		`{"source": [{"anything-but": [true]}]}`:         "strings, numbers",
		`{"source": [{"anything-but": {"regex": "x"}}]}`: "unrecognized match type regex",
		`{"n": [{"numeric": [">"]}]}`:                    "one or two comparisons",
		`{"n": [{"numeric": ["~", 1]}]}`:                 "no comparison",
		`{"n": [{"numeric": [">", "1"]}]}`:               "no comparison",
		`{"$or": [{"source": ["a"]}]}`:                   "at least 2",
		`{"$or": [{"source": ["a"]}, "b"]}`:              "only objects",
		`{"$or": [{"source": ["a"]}, {}]}`:               "empty objects",
		`{"a": ["` + strings.Repeat("x", 2048) + `"]}`:   "AWS takes 2048",
	} {
		_, err := compilePattern([]byte(pattern))
		require.ErrorContains(t, err, want, pattern)
	}
}
