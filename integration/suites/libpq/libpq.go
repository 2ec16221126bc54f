// Package libpq pins the version of lib/pq whose tests are run through the
// proxy. It is a module of its own: the product does not depend on lib/pq.
package libpq

import _ "github.com/lib/pq" // its tests are what is wanted
