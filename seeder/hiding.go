package seeder

import (
	"fmt"
	"slices"
	"strings"

	"honeyrow/seeder/camouflage"
)

// CamouflageTable renders measurements for a person: how well the rows hide,
// what gives them away, and what would hide them better. product is the
// catalogue's. It holds no values.
func CamouflageTable(reports []*camouflage.Report, product string) string {
	if len(reports) == 0 {
		return ""
	}
	var b strings.Builder
	b.WriteString("\nCamouflage, against thieves who have this program too (AUC: 0.50 is a guess, 1.00 finds every honey row; in brackets what chance alone gives):\n")
	for _, r := range reports {
		them := "them"
		if r.Honey == 1 {
			them = "it"
		}
		fmt.Fprintf(&b, "  %s: content %.2f (%.2f), dump with keys and children %.2f (%.2f); %s and %d runs like %s among %d real rows\n",
			r.Table, r.Content.AUC, r.Content.Floor, r.Dump.AUC, r.Dump.Floor, many(r.Honey, "honey row"), max(0, r.Runs-1), them, r.Real)
		for _, h := range r.Habits {
			fmt.Fprintf(&b, "    ! gives them away: %s: %s\n", h.Name, h.Why)
		}
		var clues []string
		for _, c := range r.Betrays {
			clues = append(clues, fmt.Sprintf("%s %.2f", c.Feature, c.AUC))
		}
		if len(clues) > 0 {
			fmt.Fprintf(&b, "    betrays by itself: %s\n", strings.Join(clues, "; "))
		}
		clues = nil
		for _, c := range r.Together {
			clues = append(clues, fmt.Sprintf("%s %.0f %%", c.Feature, 100*c.AUC))
		}
		if len(clues) > 0 {
			fmt.Fprintf(&b, "    a trained thief leans on: %s\n", strings.Join(clues, "; "))
		}
		for _, a := range advice(r) {
			fmt.Fprintf(&b, "    better: %s\n", a)
		}
	}
	if product == "postgres" {
		b.WriteString("  Not in these figures: pg_dump writes rows in the order in which they lie, and xmin and ctid of a live table show what one transaction wrote. Fresh rows are found by them until others have come after them: seed apply --drip lets them come between others.\n")
	}
	return b.String()
}

// advice says what would hide a table's rows better.
func advice(r *camouflage.Report) (out []string) {
	has := func(name string) bool {
		return slices.ContainsFunc(r.Habits, func(h camouflage.Habit) bool { return h.Name == name })
	}
	betrays := func(part string) bool {
		return slices.ContainsFunc(r.Betrays, func(c camouflage.Clue) bool { return c.AUC >= 0.7 && strings.Contains(c.Feature, part) })
	}
	if has("a mail domain of their own") || betrays("of its domain") {
		out = append(out, "a decoy domain that many rows of the table are at and that is yours, such as your own (seed.domain)")
	}
	if has("keys at the end") || betrays(": rank") && r.Dump.AUC > r.Content.AUC+0.1 {
		out = append(out, "numbers that no row has any more (seed.keys: auto), where there are enough that suit; else drip them in (seed apply --drip 7d), since the newest rows are yours until others follow: of a share f of newer rows the AUC is about 1 - f/2")
	}
	if betrays(" beside ") || has("keys out of sequence") {
		out = append(out, "seed.keys: auto and seed apply --drip 7d, where a counter beside the key has no gaps: both then rise together, and rows that follow hide them")
	}
	if betrays("place of the keys in ") {
		out = append(out, "nothing on the day, where the tables of the rows' children have no gaps in their keys; seed.keys: sequence and seed apply --drip 7d make parents and children the newest together, until others follow")
	}
	if has("orphans") || betrays("rows in ") {
		out = append(out, "rows in the tables that point here, as ordinary rows have them (seed.family: true; of tables in which none can be made, the plan says why)")
	}
	if betrays("status") || has("one value of a category") {
		out = append(out, "nothing, if it is the status: only rows at rest are planted, so that nothing acts on them")
	}
	return out
}
