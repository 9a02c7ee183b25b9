package peers

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
)

const (
	amzDate      = "20060102T150405Z"
	maxClockSkew = 5 * time.Minute
)

var authorization = regexp.MustCompile(`^AWS4-HMAC-SHA256 Credential=([^/ ]+)/(\d{8})/([^/ ]+)/([^/ ]+)/aws4_request, ?SignedHeaders=([^, ]+), ?Signature=([0-9a-f]{64})$`)

// signature is what a service of AWS knows of those who may call it.
type signature struct{ accessKey, secretKey, region, service string }

// check refuses a request as AWS does: its signature is computed again from what arrived, with the secret.
func (s signature) check(r *http.Request, body []byte, now time.Time) *awsError {
	header := r.Header.Get("Authorization")
	if header == "" {
		return &awsError{"MissingAuthenticationTokenException", "Missing Authentication Token"}
	}
	m := authorization.FindStringSubmatch(header)
	at, err := time.Parse(amzDate, r.Header.Get("X-Amz-Date"))
	if m == nil || err != nil {
		return &awsError{"IncompleteSignatureException", "Authorization header or X-Amz-Date is incomplete."}
	}
	accessKey, day, region, service, signed := m[1], m[2], m[3], m[4], strings.Split(m[5], ";")
	switch {
	case accessKey != s.accessKey:
		return &awsError{"UnrecognizedClientException", "The security token included in the request is invalid."}
	case region != s.region:
		return &awsError{"InvalidSignatureException", "Credential should be scoped to a valid region. "}
	case service != s.service:
		return &awsError{"InvalidSignatureException", fmt.Sprintf("Credential should be scoped to correct service: '%s'. ", s.service)}
	case day != at.Format("20060102"):
		return &awsError{"InvalidSignatureException", "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP"}
	}
	if refused := skew(at, now.UTC()); refused != nil {
		return refused
	}
	if name := unsigned(r, signed); name != "" {
		return &awsError{"InvalidSignatureException", fmt.Sprintf("'%s' must be a 'SignedHeader' in the AWS Authorization.", name)}
	}
	if !strings.HasSuffix(s.sign(r, body, signed, at), " Signature="+m[6]) {
		return &awsError{"InvalidSignatureException", "The request signature we calculated does not match the signature you provided. " +
			"Check your AWS Secret Access Key and signing method. Consult the service documentation for details."}
	}
	return nil
}

func skew(at, now time.Time) *awsError {
	early, late := now.Add(-maxClockSkew), now.Add(maxClockSkew)
	switch {
	case at.Before(early):
		return &awsError{"InvalidSignatureException", fmt.Sprintf("Signature expired: %s is now earlier than %s (%s - 5 min.)",
			at.Format(amzDate), early.Format(amzDate), now.Format(amzDate))}
	case at.After(late):
		return &awsError{"InvalidSignatureException", fmt.Sprintf("Signature not yet current: %s is still later than %s (%s + 5 min.)",
			at.Format(amzDate), late.Format(amzDate), now.Format(amzDate))}
	}
	return nil
}

// unsigned names a header that has to be signed and is not.
func unsigned(r *http.Request, signed []string) string {
	required := []string{"host"}
	for name := range r.Header {
		if name := strings.ToLower(name); strings.HasPrefix(name, "x-amz-") {
			required = append(required, name)
		}
	}
	slices.Sort(required)
	for _, name := range required {
		if !slices.Contains(signed, name) {
			return name
		}
	}
	return ""
}

// sign is the Authorization header that the request should have.
func (s signature) sign(r *http.Request, body []byte, signed []string, at time.Time) string {
	again := r.Clone(context.Background())
	again.ContentLength, again.Header = 0, http.Header{}
	for _, name := range signed {
		if name == "content-length" {
			again.ContentLength = r.ContentLength
		} else if values := r.Header.Values(name); len(values) > 0 {
			again.Header[http.CanonicalHeaderKey(name)] = slices.Clone(values)
		}
	}
	hash := sha256.Sum256(body)
	key := aws.Credentials{AccessKeyID: s.accessKey, SecretAccessKey: s.secretKey}
	if err := v4.NewSigner().SignHTTP(context.Background(), key, again, hex.EncodeToString(hash[:]), s.service, s.region, at); err != nil {
		return ""
	}
	return again.Header.Get("Authorization")
}
