package sinktest

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// SigV4 checks a request's Signature Version 4 as the service does ("Create a
// signed AWS API request"), computed here by hand.
func SigV4(r *http.Request, body []byte, id, secret, region, service string) error {
	auth, ok := strings.CutPrefix(r.Header.Get("Authorization"), "AWS4-HMAC-SHA256 ")
	if !ok {
		return fmt.Errorf("authorization %q", r.Header.Get("Authorization"))
	}
	parts := map[string]string{}
	for _, p := range strings.Split(auth, ",") {
		k, v, _ := strings.Cut(strings.TrimSpace(p), "=")
		parts[k] = v
	}
	at := r.Header.Get("X-Amz-Date")
	if len(at) < 8 {
		return fmt.Errorf("date %q", at)
	}
	scope := strings.Join([]string{at[:8], region, service, "aws4_request"}, "/")
	if parts["Credential"] != id+"/"+scope {
		return fmt.Errorf("credential %q", parts["Credential"])
	}
	names := strings.Split(parts["SignedHeaders"], ";")
	if !slices.Contains(names, "host") || !slices.Contains(names, "x-amz-date") {
		return fmt.Errorf("signed are only %v", names)
	}
	var headers strings.Builder
	for _, n := range names {
		v := r.Header.Get(n)
		switch n {
		case "host":
			v = r.Host
		case "content-length":
			v = fmt.Sprint(r.ContentLength)
		}
		headers.WriteString(n + ":" + strings.TrimSpace(v) + "\n")
	}
	hash := func(b []byte) string { h := sha256.Sum256(b); return hex.EncodeToString(h[:]) }
	path := (&url.URL{Path: r.URL.Path}).EscapedPath()
	canonical := strings.Join([]string{r.Method, path, strings.ReplaceAll(r.URL.Query().Encode(), "+", "%20"), headers.String(), parts["SignedHeaders"], hash(body)}, "\n")
	mac := func(key []byte, text string) []byte {
		h := hmac.New(sha256.New, key)
		h.Write([]byte(text))
		return h.Sum(nil)
	}
	key := mac(mac(mac(mac([]byte("AWS4"+secret), at[:8]), region), service), "aws4_request")
	want := hex.EncodeToString(mac(key, "AWS4-HMAC-SHA256\n"+at+"\n"+scope+"\n"+hash([]byte(canonical))))
	if parts["Signature"] != want {
		return fmt.Errorf("signature %s, want %s", parts["Signature"], want)
	}
	return nil
}
