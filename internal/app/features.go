package app

// features lets each feature check the section that it owns.
func (v *checker) features() {}
