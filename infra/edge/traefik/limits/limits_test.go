package limits

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

var classes = []Class{
	{Name: "auth", Prefixes: []string{"/auth", "/api/v1/auth"}, Requests: 2, Seconds: 60},
	{Name: "api", Prefixes: []string{"/api"}, Requests: 3, Seconds: 60},
}

// fresh gives a limiter without counters at a moment 15 s before its window ends, and what moves the clock.
func fresh(t *testing.T, config Config) (ask func(path, address, user string) *httptest.ResponseRecorder, pass func(time.Duration)) {
	t.Helper()
	moment := time.Unix(60*1000+45, 0)
	now = func() time.Time { return moment }
	windows = map[string]*window{}
	passed := http.HandlerFunc(func(answer http.ResponseWriter, _ *http.Request) { _, _ = answer.Write([]byte("passed")) })
	handler, err := New(context.Background(), passed, &config, "limits")
	if err != nil {
		t.Fatal(err)
	}
	ask = func(path, address, user string) *httptest.ResponseRecorder {
		request := httptest.NewRequest(http.MethodGet, "https://example.org/", nil)
		request.URL.Path = path
		request.RemoteAddr = address + ":4711"
		if user != "" {
			request.Header.Set("Authorization", user)
		}
		recorder := httptest.NewRecorder()
		handler.ServeHTTP(recorder, request)
		return recorder
	}
	return ask, func(by time.Duration) { moment = moment.Add(by) }
}

func config() Config {
	return Config{Classes: classes, UserHeaders: []string{"x-api-key", "authorization"}, MostClients: 100}
}

func shown(answer *httptest.ResponseRecorder) string {
	header := answer.Header()
	return fmt.Sprint(answer.Code, " ", header.Get("X-RateLimit-Limit"), " left ", header.Get("X-RateLimit-Remaining"), " reset ", header.Get("X-RateLimit-Reset"), " after ", header.Get("Retry-After"))
}

func expect(t *testing.T, answer *httptest.ResponseRecorder, want string) {
	t.Helper()
	if got := shown(answer); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestAnAddressIsRefusedBeyondItsLimitAndLetInAgainInTheNextWindow(t *testing.T) {
	ask, pass := fresh(t, config())
	expect(t, ask("/auth", "10.0.0.1", ""), "200 2, 2;w=60 left 1 reset 15 after ")
	expect(t, ask("/auth/login", "10.0.0.1", ""), "200 2, 2;w=60 left 0 reset 15 after ")
	refused := ask("/auth", "10.0.0.1", "")
	expect(t, refused, "429 2, 2;w=60 left 0 reset 15 after 15")
	if strings.Contains(refused.Body.String(), "passed") {
		t.Error("the refused request was passed on")
	}
	expect(t, ask("/auth", "10.0.0.2", ""), "200 2, 2;w=60 left 1 reset 15 after ")
	pass(14 * time.Second)
	expect(t, ask("/auth", "10.0.0.1", ""), "429 2, 2;w=60 left 0 reset 1 after 1")
	pass(time.Second)
	expect(t, ask("/auth", "10.0.0.1", ""), "200 2, 2;w=60 left 1 reset 60 after ")
}

func TestAUserIsCountedOnWhateverAddress(t *testing.T) {
	ask, _ := fresh(t, config())
	expect(t, ask("/auth", "10.0.0.1", "token"), "200 2, 2;w=60 left 1 reset 15 after ")
	expect(t, ask("/auth", "10.0.0.2", "token"), "200 2, 2;w=60 left 0 reset 15 after ")
	expect(t, ask("/auth", "10.0.0.3", "token"), "429 2, 2;w=60 left 0 reset 15 after 15")
	expect(t, ask("/auth", "10.0.0.3", "other"), "200 2, 2;w=60 left 0 reset 15 after ")
}

func TestAnotherNameDoesNotFreeAnAddress(t *testing.T) {
	ask, _ := fresh(t, config())
	ask("/auth", "10.0.0.1", "one")
	ask("/auth", "10.0.0.1", "two")
	expect(t, ask("/auth", "10.0.0.1", "three"), "429 2, 2;w=60 left 0 reset 15 after 15")
}

func TestTheLongestPrefixOfWholeSegmentsDecides(t *testing.T) {
	ask, _ := fresh(t, config())
	for path, want := range map[string]string{
		"/api/v1/auth/x":  "2, 2;w=60",
		"/api/v1/authors": "3, 3;w=60",
		"//auth":          "2, 2;w=60",
		"/x/../auth":      "2, 2;w=60",
		"/authority":      "",
		"/":               "",
	} {
		if got := ask(path, "10.0.0.9", "").Header().Get("X-RateLimit-Limit"); got != want {
			t.Errorf("%s: got %q, want %q", path, got, want)
		}
	}
}

func TestCountersAreSharedByRouters(t *testing.T) {
	first, _ := fresh(t, config())
	first("/auth", "10.0.0.1", "")
	first("/auth", "10.0.0.1", "")
	second := config()
	handler, err := New(context.Background(), http.NotFoundHandler(), &second, "limits")
	if err != nil {
		t.Fatal(err)
	}
	request := httptest.NewRequest(http.MethodGet, "/auth", nil)
	request.RemoteAddr = "10.0.0.1:1"
	recorder := httptest.NewRecorder()
	handler.ServeHTTP(recorder, request)
	expect(t, recorder, "429 2, 2;w=60 left 0 reset 15 after 15")
}

func TestClientsBeyondTheMostShareACounter(t *testing.T) {
	small := config()
	small.MostClients = 3
	ask, _ := fresh(t, small)
	for i := 1; i <= 3; i++ {
		expect(t, ask("/auth", fmt.Sprint("10.0.0.", i), ""), "200 2, 2;w=60 left 1 reset 15 after ")
	}
	ask("/auth", "10.0.1.1", "")
	ask("/auth", "10.0.1.2", "")
	expect(t, ask("/auth", "10.0.1.3", ""), "429 2, 2;w=60 left 0 reset 15 after 15")
	if clients := len(windows["auth"].counts); clients > 4 {
		t.Errorf("%d clients are kept", clients)
	}
}

func TestAClassWithoutALimitIsRefused(t *testing.T) {
	for _, broken := range []Config{{}, {Classes: []Class{{Name: "x", Requests: 0, Seconds: 60}}}} {
		if _, err := New(context.Background(), nil, &broken, "limits"); err == nil {
			t.Errorf("%+v is accepted", broken)
		}
	}
}
