package main

import (
	"context"
	"fmt"
	"strings"
)

// build makes the tables: people of one kind or another, in five forms that take
// turns, every fifth pointing at the table before it.
func build(ctx context.Context, s *stand, o options) error {
	for i := range o.tables {
		sql := postgresTable(i, o.people)
		if s.product == "mariadb" {
			sql = mariaTable(i, o.people)
		}
		if err := s.exec(ctx, sql); err != nil {
			return err
		}
	}
	if s.product == "postgres" {
		return s.exec(ctx, "vacuum analyze")
	}
	return nil
}

// what the tables hold beside a name and an address.
var extras = []string{
	"phone varchar(40), city varchar(60), status varchar(12)",
	"iban varchar(34), salary numeric(10,2), department varchar(40)",
	"api_key varchar(60), plan varchar(20), country char(2)",
	"street varchar(80), postcode varchar(10), city varchar(60), points int",
	"login varchar(40), role varchar(20), active int",
}

func tableName(i int) string {
	return fmt.Sprintf("%s_%03d", []string{"customers", "employees", "tenants", "suppliers", "members"}[i%5], i)
}

func postgresTable(i, people int) string {
	t := tableName(i)
	ref := ""
	if i%5 == 4 {
		ref = fmt.Sprintf(", owner_id bigint references %s(id)", tableName(i-1))
	}
	const name = "(array['Ada','Bo','Cleo','Dan','Eva','Finn','Gil','Hanna','Ivo','Jana','Karl','Lea','Max'])[1+(i*7+i/13)%13]"
	const last = "(array['Stone','Rivers','Hill','Field','Marsh','Brook','Wood','Lake','Moor','Heath','Glen'])[1+(i*5+i/11)%11]"
	values := []string{
		"'+49 40 555'||(10000+i*37%90000), (array['Kiel','Bonn','Ulm','Jena'])[1+i%4], (array['open','closed','new'])[1+i%3]",
		"'DE'||(10+i%90)||lpad((i*7919::bigint%1000000007)::text,18,'3'), 30000+i*13.5, (array['sales','it','legal'])[1+i%3]",
		"'sk_live_'||md5('k'||i), (array['free','team','pro'])[1+i%3], (array['de','at','ch'])[1+i%3]",
		"(array['High St','Mill Ln','Kirkweg'])[1+i%3]||' '||i%120, lpad((i*61%99999)::text,5,'0'), (array['Kiel','Bonn','Ulm','Jena'])[1+i%4], i*7%5000",
		"lower('u'||i||'x'), (array['reader','editor','admin'])[1+(i*i)%3], i%2",
	}[i%5]
	own, given := "", ""
	if ref != "" {
		own, given = ", owner_id", fmt.Sprintf(", 1+i%%%d", people)
	}
	return fmt.Sprintf(`create table %[1]s (id bigserial primary key, full_name text not null, email text not null unique, %[2]s, created_at timestamptz not null default now()%[3]s);
		insert into %[1]s (full_name, email, %[4]s, created_at%[5]s) select %[6]s||' '||%[7]s, lower(%[6]s)||'.'||lower(%[7]s)||i||'@corp%[8]d.test', %[9]s, now() - (%[10]d-i)*interval '37 minutes' - interval '2 hours'%[11]s
		from generate_series(1, %[10]d) i`, t, extras[i%5], ref, columns(i), own, name, last, i, values, people, given)
}

// columns are the names in extras.
func columns(i int) string {
	var out []string
	depth := 0
	word := ""
	fresh := true
	for _, r := range extras[i%5] {
		switch {
		case r == '(':
			depth++
		case r == ')':
			depth--
		case r == ',' && depth == 0:
			fresh = true
		case r == ' ' && fresh && word != "":
			out, word, fresh = append(out, word), "", false
		case r != ' ' && fresh && depth == 0:
			word += string(r)
		}
	}
	return strings.Join(out, ", ")
}

func mariaTable(i, people int) string {
	t := tableName(i)
	ref := ""
	if i%5 == 4 {
		ref = fmt.Sprintf(", owner_id bigint, foreign key (owner_id) references %s(id)", tableName(i-1))
	}
	const name = "elt(1+mod(seq*7+seq div 13,13),'Ada','Bo','Cleo','Dan','Eva','Finn','Gil','Hanna','Ivo','Jana','Karl','Lea','Max')"
	const last = "elt(1+mod(seq*5+seq div 11,11),'Stone','Rivers','Hill','Field','Marsh','Brook','Wood','Lake','Moor','Heath','Glen')"
	values := []string{
		"concat('+49 40 555',10000+mod(seq*37,90000)), elt(1+mod(seq,4),'Kiel','Bonn','Ulm','Jena'), elt(1+mod(seq,3),'open','closed','new')",
		"concat('DE',10+mod(seq,90),lpad(mod(seq*7919,1000000007),18,'3')), 30000+seq*13.5, elt(1+mod(seq,3),'sales','it','legal')",
		"concat('sk_live_',md5(concat('k',seq))), elt(1+mod(seq,3),'free','team','pro'), elt(1+mod(seq,3),'de','at','ch')",
		"concat(elt(1+mod(seq,3),'High St','Mill Ln','Kirkweg'),' ',mod(seq,120)), lpad(mod(seq*61,99999),5,'0'), elt(1+mod(seq,4),'Kiel','Bonn','Ulm','Jena'), mod(seq*7,5000)",
		"concat('u',seq,'x'), elt(1+mod(seq*seq,3),'reader','editor','admin'), mod(seq,2)",
	}[i%5]
	own, given := "", ""
	if ref != "" {
		own, given = ", owner_id", fmt.Sprintf(", 1+mod(seq,%d)", people)
	}
	return fmt.Sprintf(`create table %[1]s (id bigint auto_increment primary key, full_name varchar(80) not null, email varchar(120) not null unique, %[2]s, created_at datetime not null default now()%[3]s);
		insert into %[1]s (full_name, email, %[4]s, created_at%[5]s) select concat(%[6]s,' ',%[7]s), concat(lower(%[6]s),'.',lower(%[7]s),seq,'@corp%[8]d.test'), %[9]s, now() - interval (%[10]d-seq)*37+120 minute%[11]s
		from seq_1_to_%[10]d`, t, extras[i%5], ref, columns(i), own, name, last, i, values, people, given)
}
