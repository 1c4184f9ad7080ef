// Package limits is a plugin of Traefik: it counts the requests of each address and of each user in fixed windows, refuses those
// beyond the limit with 429, and tells the client how it stands in X-RateLimit-Limit, -Remaining and -Reset on every answer.
//
// The counters are this process's own. Every router has an instance, and a changed route makes new ones, so the counters belong to
// the package.
package limits

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"path"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Class is a limit and the paths that it holds for.
type Class struct {
	Name string `json:"name"`
	// Prefixes of whole path segments; of all classes the longest decides.
	Prefixes []string `json:"prefixes"`
	// Requests that a client has in a window.
	Requests int `json:"requests"`
	// Seconds of a window.
	Seconds int64 `json:"seconds"`
}

// Config is what the middleware is given.
type Config struct {
	Classes []Class `json:"classes"`
	// UserHeaders tell users apart; the first that is there counts.
	UserHeaders []string `json:"userHeaders"`
	// MostClients are counted one by one in a window; those beyond it share a counter.
	MostClients int `json:"mostClients"`
}

// CreateConfig gives the defaults.
func CreateConfig() *Config {
	return &Config{MostClients: 100000}
}

// window holds a class's counters for one stretch of time; the next one starts empty, so nothing grows for longer.
type window struct {
	number int64
	counts map[string]int
}

var (
	mutex   sync.Mutex
	windows = map[string]*window{}
	now     = time.Now
)

// Limiter counts, and passes on what is within the limit.
type Limiter struct {
	next   http.Handler
	config *Config
}

// New makes the middleware for one router.
func New(_ context.Context, next http.Handler, config *Config, name string) (http.Handler, error) {
	if len(config.Classes) == 0 {
		return nil, errors.New(name + ": classes is empty; name at least one")
	}
	for _, class := range config.Classes {
		if class.Requests < 1 || class.Seconds < 1 {
			return nil, fmt.Errorf("%s: class %q has requests %d and seconds %d; both must be 1 or more", name, class.Name, class.Requests, class.Seconds)
		}
	}
	return &Limiter{next: next, config: config}, nil
}

func (l *Limiter) ServeHTTP(answer http.ResponseWriter, request *http.Request) {
	class := l.classOf(request.URL.Path)
	if class == nil {
		l.next.ServeHTTP(answer, request)
		return
	}
	left, wait := count(class, l.clientsOf(request), l.config.MostClients)
	refused := left < 0
	if refused {
		left = 0
	}
	header := answer.Header()
	header.Set("X-RateLimit-Limit", fmt.Sprintf("%d, %d;w=%d", class.Requests, class.Requests, class.Seconds))
	header.Set("X-RateLimit-Remaining", strconv.Itoa(left))
	header.Set("X-RateLimit-Reset", strconv.FormatInt(wait, 10))
	if !refused {
		l.next.ServeHTTP(answer, request)
		return
	}
	header.Set("Retry-After", strconv.FormatInt(wait, 10))
	header.Set("Content-Type", "application/problem+json")
	answer.WriteHeader(http.StatusTooManyRequests)
	_, _ = fmt.Fprintf(answer, `{"title":"Too many requests","status":429,"detail":"%d requests in %d seconds are allowed here; try again in %d"}`+"\n", class.Requests, class.Seconds, wait)
}

// classOf finds the class with the longest prefix of the path, as the routes do.
func (l *Limiter) classOf(asked string) *Class {
	clean := path.Clean("/" + asked)
	found, longest := -1, -1
	for i, class := range l.config.Classes {
		for _, prefix := range class.Prefixes {
			holds := prefix == "/" || clean == prefix || strings.HasPrefix(clean, prefix+"/")
			if holds && len(prefix) > longest {
				found = i
				longest = len(prefix)
			}
		}
	}
	if found < 0 {
		return nil
	}
	return &l.config.Classes[found]
}

// clientsOf names whom the request counts for: its address always, its user when it says one.
func (l *Limiter) clientsOf(request *http.Request) []string {
	address, _, err := net.SplitHostPort(request.RemoteAddr)
	if err != nil {
		address = request.RemoteAddr
	}
	for _, name := range l.config.UserHeaders {
		if value := request.Header.Get(name); value != "" {
			return []string{"address " + address, "user " + value}
		}
	}
	return []string{"address " + address}
}

// count adds the request to its clients' counters. It gives how many more the tightest of them allows, below zero when this one is
// too many, and the whole seconds until the window ends.
func count(class *Class, clients []string, most int) (int, int64) {
	moment := now().Unix()
	number := moment / class.Seconds
	mutex.Lock()
	defer mutex.Unlock()
	current := windows[class.Name]
	if current == nil || current.number != number {
		current = &window{number: number, counts: map[string]int{}}
		windows[class.Name] = current
	}
	left := class.Requests
	for _, client := range clients {
		if _, known := current.counts[client]; !known && len(current.counts) >= most {
			client = "the rest"
		}
		current.counts[client]++
		if own := class.Requests - current.counts[client]; own < left {
			left = own
		}
	}
	return left, (number+1)*class.Seconds - moment
}
