package strictyaml

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestSecrets(t *testing.T) {
	for value, secret := range map[string]bool{
		"checkout": false, "eu-west-1": false, "Europe/London": false, "PRODUCTION": false, "123456789012": false,
		"123456789012.dkr.ecr.eu-west-1.amazonaws.com/shop": false, "registry.example:5000/shop": false, "two words": false,
		"/home/ada/.kube/config": false, ".netrc": false, "/Zm9vYmFyYmF6": true,
		"https://shop.example": false, "http://127.0.0.1:9000/": false, "https://git.example/shop/cart": false, "": false,
		"s3cr3t": true, "4f2a9c1e77d0": true, "Zm9vYmFyYmF6": true, "AKIAIOSFODNN7EXAMPLE": true, "correct-horse+staple": true,
		"https://ada:lovelace@shop.example": true, "https://shop.example/?key=1": true, "https://hooks.example/T0AB1/x9Y8z7": true,
		`{"user": "ada"}`: true,
	} {
		require.Equal(t, secret, keeps("VALUE", value), value)
	}
	for _, name := range []string{"SHOP_PASSWORD", "file:/run/secrets/shop", "token", "API_KEY", "DB_PWD"} {
		require.True(t, keeps(name, "checkout"), name)
	}
}

// keeps tells whether the value is kept secret when it is put in by that name.
func keeps(name, value string) bool {
	r := &Reader{}
	r.note(name, value)
	return len(r.Secrets()) > 0
}

func TestSecretsAreThoseThatWereAskedFor(t *testing.T) {
	r := reader()
	r.Parse("etc/x.yaml", []byte(`{a: "${PASSWORD}${PORT}", b: "${file:token}", c: "${PASSWORD}"}`)).Object(func(o *Object) {
		o.Get("a").Text()
		o.Get("a").Text()
		o.Get("b").Text()
	})
	require.Equal(t, []string{"s3cret: [x", "from etc/token"}, r.Secrets())
}
