package peers

import (
	"context"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/smithy-go"
	"github.com/stretchr/testify/require"
)

func TestECSRefusesWhatIsNotSignedWithItsKey(t *testing.T) {
	cluster := ECS(t)
	tests := map[string]struct {
		change func(*aws.Config)
		code   string
	}{
		"right":         {func(*aws.Config) {}, ""},
		"wrong secret":  {func(c *aws.Config) { c.Credentials = key(cluster.AccessKey, "guessed") }, "InvalidSignatureException"},
		"unknown key":   {func(c *aws.Config) { c.Credentials = key("AKIDOTHER", cluster.SecretKey) }, "UnrecognizedClientException"},
		"not signed":    {func(c *aws.Config) { c.Credentials = aws.AnonymousCredentials{} }, "MissingAuthenticationTokenException"},
		"wrong region":  {func(c *aws.Config) { c.Region = "us-east-1" }, "InvalidSignatureException"},
		"session token": {func(c *aws.Config) { c.Credentials = session(cluster) }, ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			settings := cluster.Config()
			test.change(&settings)
			_, err := ecs.NewFromConfig(settings).ListClusters(t.Context(), &ecs.ListClustersInput{})
			if test.code == "" {
				require.NoError(t, err)
				return
			}
			var refused smithy.APIError
			require.ErrorAs(t, err, &refused)
			require.Equal(t, test.code, refused.ErrorCode())
		})
	}
}

func key(id, secret string) aws.CredentialsProvider {
	return credentials.NewStaticCredentialsProvider(id, secret, "")
}

func session(c *ECSCluster) aws.CredentialsProvider {
	return aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
		return aws.Credentials{AccessKeyID: c.AccessKey, SecretAccessKey: c.SecretKey, SessionToken: "token"}, nil
	})
}
