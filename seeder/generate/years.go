package generate

import "strconv"

// Years reports whether values read like years: nearly all are whole numbers from 1800
// to 2100, more than one, and none but a few are missing ("" and "0").
func Years(values []string) bool {
	n, years, kinds := 0, 0, map[string]bool{}
	for _, v := range values {
		if v == "" || v == "0" {
			continue
		}
		n++
		if y, err := strconv.Atoi(v); err == nil && y >= 1800 && y <= 2100 {
			years++
			kinds[v] = true
		}
	}
	return n > 0 && 100*years >= 99*n && len(kinds) > 1
}
