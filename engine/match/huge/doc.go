// Package huge asks the system to keep large tables in huge pages, so that
// looking here and there in them does not spend most of its time on finding the
// pages.
package huge
