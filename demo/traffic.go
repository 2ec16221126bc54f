package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"sync"
	"time"

	"honeyrow/demo/shop"
)

// traffic is what an ordinary day of the order desk and the shop looks like.
// None of it may raise an alarm. It asks for particular rows: this customer,
// that order, a page of one town. That, and nothing else, is why it never
// meets a honey row; a page or an export that shows one is a read of it.
type traffic struct {
	way
	stamp string // begins the numbers of this day's orders
	// Towns to search: those where no decoy lives.
	towns []string
}

// chore is one part of the day, done beside the others.
type chore func(context.Context, *rand.Rand) (trafficSum, error)

// trafficSum counts what was done, for the summary.
type trafficSum struct{ lookups, pages, orders, batches, reports, searches, rows int }

func (s trafficSum) String() string {
	text := fmt.Sprintf("%d look-ups by id and e-mail, %d pages of a town, %d orders placed, ", s.lookups, s.pages, s.orders)
	if s.batches > 0 {
		text += fmt.Sprintf("%d batches, ", s.batches)
	}
	return text + fmt.Sprintf("%d reports, %d shop searches: %d rows read", s.reports, s.searches, s.rows)
}

func (s *trafficSum) add(o trafficSum) {
	s.lookups += o.lookups
	s.pages += o.pages
	s.orders += o.orders
	s.batches += o.batches
	s.reports += o.reports
	s.searches += o.searches
	s.rows += o.rows
}

// columns of customers.csv, as package crm makes them.
const (
	customerID    = 0
	customerEmail = 4
	customerTown  = 9
)

var errChangedMind = errors.New("the customer changed her mind: roll back")

// ordinaryTraffic runs the day of the order desk, with four connections, and
// of the shop's visitors.
func ordinaryTraffic(ctx context.Context, w way, s *shop.Shop, avoid map[string]bool) (trafficSum, error) {
	t := &traffic{way: w, stamp: time.Now().UTC().Format("2006-0102150405.000")}
	seen := map[string]bool{}
	for _, r := range w.data.Table("customers").Rows {
		if town := r[customerTown]; !seen[town] && !avoid[town] {
			seen[town] = true
			t.towns = append(t.towns, town)
		}
	}
	if len(t.towns) == 0 {
		return trafficSum{}, errors.New("a decoy lives in every town: nothing left for an ordinary search")
	}
	chores, done, err := w.product.desk(ctx, t)
	if err != nil {
		return trafficSum{}, err
	}
	defer done()
	chores = append(chores, func(ctx context.Context, _ *rand.Rand) (trafficSum, error) { return searches(ctx, s) })
	sums, errs := make([]trafficSum, len(chores)), make([]error, len(chores))
	var wg sync.WaitGroup
	for i, c := range chores {
		wg.Go(func() { sums[i], errs[i] = c(ctx, rand.New(rand.NewPCG(42, uint64(i)))) })
	}
	wg.Wait()
	var sum trafficSum
	for _, s := range sums {
		sum.add(s)
	}
	return sum, errors.Join(errs...)
}

func (t *traffic) customer(r *rand.Rand) []string {
	rows := t.data.Table("customers").Rows
	return rows[r.IntN(len(rows))]
}

// searches are visitors of the shop who type harmless words.
func searches(ctx context.Context, s *shop.Shop) (sum trafficSum, err error) {
	for _, typed := range []string{"lamp", "oak", "chair", "rug 160", "mirror", "desk"} {
		if _, err := get(ctx, s.SearchURL(typed)); err != nil {
			return sum, err
		}
		sum.searches++
	}
	return sum, nil
}

func get(ctx context.Context, url string) (string, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return "", err
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return "", err
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		return "", err
	}
	if res.StatusCode != http.StatusOK {
		return "", fmt.Errorf("%s: %s: %s", url, res.Status, b)
	}
	return string(b), nil
}

// orWrong is err, or that the answer was wrong.
func orWrong(err error) error {
	if err != nil {
		return err
	}
	return errors.New("wrong answer")
}
