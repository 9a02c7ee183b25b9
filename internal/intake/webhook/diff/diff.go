// Package diff asks the APIs of git hosts what a merge changed: which files, and how many lines. Package webhook needs it
// where a host's webhook does not tell.
package diff

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// What is read at most. A longer list is as good as none: it takes minutes, and cut short it would hide a touched service.
const (
	maxFiles  = 1000
	perPage   = 100
	maxAnswer = 16 << 20 // bytes of one page
)

// API is the REST API of one git host.
type API struct {
	Base   string // https://api.github.com, https://gitlab.example.com/api/v4, https://gitea.example.com/api/v1, https://api.bitbucket.org/2.0, https://bitbucket.example.com/rest/api/1.0
	Token  string // may read the repositories; sent as a bearer token, which all of them take
	Client *http.Client
}

// Stat is what a merge changed. What is not known is nil.
type Stat struct {
	Paths []string // sorted; of a renamed file both
	Files *int
	Lines *int // added and removed
}

// file is one changed file.
type file struct {
	paths []string // where it is and was; empty texts are no path
	lines *int     // nil: not counted
}

// sum adds files up. Too many are too many to be sure that they are all.
func sum(files []file) Stat {
	if len(files) > maxFiles {
		return Stat{}
	}
	count, lines := len(files), new(int)
	paths := []string{}
	for _, f := range files {
		paths = append(paths, f.paths...)
		if lines != nil && f.lines != nil {
			*lines += *f.lines
		} else {
			lines = nil
		}
	}
	slices.Sort(paths)
	paths = slices.DeleteFunc(slices.Compact(paths), func(p string) bool { return p == "" })
	return Stat{Paths: paths, Files: &count, Lines: lines}
}

// paged reads the pages of a list whose host names a next page in the Link header (RFC 8288).
func paged[T any](ctx context.Context, a *API, path string) ([]T, error) {
	var all []T
	for page := 1; len(all) <= maxFiles; page++ {
		var part []T
		query := url.Values{"page": {strconv.Itoa(page)}, "per_page": {strconv.Itoa(perPage)}, "limit": {strconv.Itoa(perPage)}}
		header, err := a.get(ctx, path+"?"+query.Encode(), &part)
		if err != nil {
			return nil, err
		}
		all = append(all, part...)
		if !strings.Contains(strings.Join(header.Values("Link"), ","), `rel="next"`) {
			break
		}
	}
	return all, nil
}

// get reads one answer. Its errors hold the address, never the token.
func (a *API) get(ctx context.Context, path string, into any) (http.Header, error) {
	address := strings.TrimSuffix(a.Base, "/") + path
	if plain, _, _ := strings.Cut(path, "?"); slices.ContainsFunc(strings.Split(plain, "/"), dots) {
		return nil, fmt.Errorf("ask %s: it leads elsewhere", address)
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, fmt.Errorf("ask %s: %w", address, err)
	}
	request.Header.Set("Authorization", "Bearer "+a.Token)
	request.Header.Set("Accept", "application/json")
	response, err := a.Client.Do(request)
	if err != nil {
		if failed, ok := errors.AsType[*url.Error](err); ok {
			err = failed.Err // the rest says the address again
		}
		return nil, fmt.Errorf("ask %s: %w", address, err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s answered %s", address, response.Status)
	}
	if err := json.NewDecoder(io.LimitReader(response.Body, maxAnswer)).Decode(into); err != nil {
		return nil, fmt.Errorf("read the answer of %s: %w", address, err)
	}
	return response.Header, nil
}

// dots are a part of a path that leads to another one.
func dots(part string) bool { return part == "." || part == ".." }

// repository escapes an owner and a name for a path, and keeps the slash between them.
func repository(fullName string) string {
	parts := strings.Split(fullName, "/")
	for i := range parts {
		parts[i] = url.PathEscape(parts[i])
	}
	return strings.Join(parts, "/")
}
