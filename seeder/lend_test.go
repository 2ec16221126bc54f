package seeder

import (
	"fmt"
	"testing"

	"honeyrow/seeder/generate"
)

// lentOut is a table of things that are lent to one at a time, each for a day a week;
// the last of each is still out.
func lentOut(things, weeks int) *study {
	column := func(name string, at int, c generate.Class, kind string) *field {
		return &field{Column: &Column{Name: name, Class: c}, plan: &ColumnPlan{Name: name, Kind: kind}, sample: at}
	}
	st := &study{columns: []*field{column("thing", 0, generate.Integer, "reference"), column("out", 1, generate.Timestamp, "timestamp"), column("back", 2, generate.Timestamp, "timestamp")}}
	st.sample = &Sample{Columns: []string{"thing", "out", "back"}}
	for i := range things {
		for k := range weeks {
			thing, out, back := fmt.Sprint(i), fmt.Sprintf("2024-03-%02d 10:00:00", 1+7*k), fmt.Sprintf("2024-03-%02d 12:00:00", 2+7*k)
			row := []*string{&thing, &out, &back}
			if k == weeks-1 {
				row[2] = nil
			}
			st.sample.Rows = append(st.sample.Rows, row)
		}
	}
	return st
}

func TestWhatOneHasAtATimeIsLearnt(t *testing.T) {
	st := lentOut(40, 3)
	thing := st.columns[0]
	if x := st.turns(st.sample, thing, true); !x.apart() {
		t.Error("things that are never out twice at a time are not found")
	}
	early := "2024-02-01 00:00:00" // what is still out since long says nothing: it is out with nobody
	for i := range 40 {
		st.sample.Rows[3*i+2][1] = &early
	}
	if st.turns(st.sample, thing, true).apart() || !st.turns(st.sample, thing, false).apart() {
		t.Error("what has no end is not left aside where it would last for ever")
	}
	late := "2024-03-20 00:00:00"
	for i := range 5 {
		st.sample.Rows[3*i][2] = &late
	}
	if st.turns(st.sample, thing, false).apart() {
		t.Error("things that are out twice at a time are said not to be")
	}
}

func TestARelativeIsNotLentWhatAnotherHasMeanwhile(t *testing.T) {
	st := lentOut(20, 3)
	x := st.turns(st.sample, st.columns[0], true)
	p := &peers{lent: st.columns[:1], single: []exclusive{*x}}
	thing, other := "4", "5"
	out, back := "2024-03-05 08:00:00", "2024-03-07 08:00:00"
	h := &hand{was: []*string{&other, &out, &back}}
	if !h.free(&draft{}, st, p, []*string{&thing, nil, nil}) {
		t.Error("a thing that nobody has is not lent")
	}
	meanwhile := &hand{was: []*string{&thing, &out, &back}}
	if h.free(&draft{run: []*hand{meanwhile, h}}, st, p, []*string{&thing, nil, nil}) {
		t.Error("a thing is lent that a honey row of the same run has")
	}
	back = "2024-03-09 08:00:00"
	if h.free(&draft{}, st, p, []*string{&thing, nil, nil}) {
		t.Error("a thing is lent that a real row has")
	}
	out, back = "2024-04-05 08:00:00", "2024-04-07 08:00:00"
	if h.free(&draft{}, st, p, []*string{&thing, nil, nil}) {
		t.Error("a thing is lent that is still out")
	}
}
