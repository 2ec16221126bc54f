// Package seedertest is what every product of the seeder promises, as one
// suite: pgdb and mydb run it on real servers, and add what is theirs alone.
package seedertest

import (
	"strings"
	"testing"

	"honeyrow/seeder"
)

// Ground is a product with a private server, as the suite uses it. Its
// functions end the test on an error.
type Ground struct {
	// Database makes a database of its own with a schema and returns its name.
	Database func(t *testing.T, ddl string) string
	// Store opens a fresh registry.
	Store func(t *testing.T) seeder.Store
	// Open returns a seeder of an administrator on a database.
	Open func(t *testing.T, db string, st seeder.Store) *seeder.Seeder
	// Granted carries out a plan's statements for a role of its own, those that
	// stand in comments too, and returns a seeder of that role.
	Granted func(t *testing.T, db string, grants []string, st seeder.Store) *seeder.Seeder
	// DSN is how a process of its own reaches a database; see ServeIfDoomed.
	DSN func(db string) string
	// Exec and Query run SQL as an administrator, beside the seeder.
	Exec  func(t *testing.T, db, sql string)
	Query func(t *testing.T, db, sql string) string
	// Content is the rows of all tables but "audit", to the byte; Counters is
	// where sequences stand.
	Content, Counters func(t *testing.T, db string) string

	// Customers makes a table "customers" of 1,000 people, Torture a schema
	// with all that a product's tables may have.
	Customers, Torture string
	// Inventing makes a table "people" of 50 rows with id, email, api_key and
	// pay whose trigger changes every value but pay; Shifting one of 50 rows with
	// id, email and api_key whose trigger changes id and api_key.
	Inventing, Shifting string
	// Failing makes a trigger on customers that lets so many rows in and then
	// fails with the row's e-mail address in its message.
	Failing func(rows int) string
	// Stamping makes a trigger that writes the present into created_at of each new
	// customer, Touching one that runs when a customer is updated.
	Stamping, Touching string
	// Letter is an expression for a column that compares to the letter, with %s.
	Letter string
	// Number is the type of customers' key, Numbered that of a key that counts.
	Number, Numbered string
}

// Run runs the suite.
func Run(t *testing.T, g Ground) {
	for _, c := range []struct {
		name string
		test func(*testing.T, Ground)
	}{
		{"apply and remove leave every other row byte for byte as it was", applyAndRemoveLeaveEveryOtherRowByteForByteAsItWas},
		{"apply refuses when the database has changed since the plan", applyRefusesWhenTheDatabaseHasChangedSinceThePlan},
		{"a failure in the middle leaves nothing behind", aFailureInTheMiddleLeavesNothingBehind},
		{"a crash between two rows leaves no row and is settled", aCrashBetweenTwoRowsLeavesNoRowAndIsSettled},
		{"a crash at the commit is settled by looking at the rows", aCrashAtTheCommitIsSettledByLookingAtTheRows},
		{"a process killed at any step leaves what reconcile brings back to the truth", aProcessKilledAtAnyStepLeavesWhatReconcileBringsBackToTheTruth},
		{"a scan ranks tables by how tempting and how safe they are", aScanRanksTablesByHowTemptingAndHowSafeTheyAre},
		{"no row is visible before every proxy watches it", noRowIsVisibleBeforeEveryProxyWatchesIt},
		{"two seeding runs at once are kept apart", twoSeedingRunsAtOnceAreKeptApart},
		{"many rows in a table with few values stay told apart", manyRowsInATableWithFewValuesStayToldApart},
		{"triggers that change or invent values are registered as they land", triggersThatChangeOrInventValuesAreRegisteredAsTheyLand},
		{"a crash after triggers changed values leaves only what the rows hold watched", aCrashAfterTriggersChangedValuesLeavesOnlyWhatTheRowsHoldWatched},
		{"a locked table makes apply give up and leave nothing", aLockedTableMakesApplyGiveUpAndLeaveNothing},
		{"named tables, overrides and exclusions are obeyed", namedTablesOverridesAndExclusionsAreObeyed},
		{"the same seed gives the same plan", theSameSeedGivesTheSamePlan},
		{"each copy of a database gets rows of its own, and a leak names its copy", eachCopyGetsRowsOfItsOwn},
		{"no error or plan of a refusal holds a value", noErrorOrPlanOfARefusalHoldsAValue},
		{"no honey row gives somebody rights or waits to be acted on, unless its table is named", noHoneyRowGivesRightsOrWaitsToBeActedOn},
		{"rights are known by unusual names and words", rightsAreKnownByUnusualNamesAndWords},
		{"a status that is a number is read from what explains it", aStatusThatIsANumberIsReadFromWhatExplainsIt},
		{"honey rows take numbers from gaps and bring their relatives", honeyRowsTakeNumbersFromGapsAndBringTheirRelatives},
		{"relatives with a key of several columns are planted, found again and removed", relativesWithAKeyOfSeveralColumnsAreFoundAgain},
		{"tables that point at each other are advised what works", tablesThatPointAtEachOtherAreAdvisedWhatWorks},
		{"relatives of one row agree with one another", relativesOfOneRowAgreeWithOneAnother},
		{"relatives bring their own relatives, and sums over them are right", relativesBringTheirOwn},
		{"dates that a trigger overwrites are set to what is planned beside old numbers", datesThatATriggerOverwritesAreSetToWhatIsPlanned},
		{"keys that the application counts are taken from gaps too", keysThatTheApplicationCountsAreTakenFromGapsToo},
		{"addresses are numbered as the table numbers them", addressesAreNumberedAsTheTableNumbersThem},
		{"live canary keys are planted where their kind belongs, each once", liveCanaryKeysArePlantedEachOnce},
		{"honey rows are of the persons that real ones are of", honeyRowsAreOfThePersonsThatRealOnesAreOf},
		{"a plan says how well its rows hide and refuses above the owner's limit", aPlanSaysHowWellItsRowsHideAndRefusesAboveTheOwnersLimit},
		{"a drip of seven days follows the traffic and survives crashes", aDripOfSevenDaysFollowsTheTrafficAndSurvivesCrashes},
		{"a drip killed at any step goes on and plants each row once", aDripKilledAtAnyStepGoesOnAndPlantsEachRowOnce},
		{"a drip that was held up spreads what is left", aDripThatWasHeldUpSpreadsWhatIsLeft},
		{"a drip whose table was changed holds up no other", aDripWhoseTableWasChangedHoldsUpNoOther},
		{"a drip ends with its rows removed, and leaves out what the database refuses", aDripEndsWithItsRowsRemoved},
		{"rotation replaces values in place and the old ones stay watched", rotationReplacesValuesInPlace},
		{"rotation replaces rows of tables that are never updated", rotationReplacesRows},
		{"a row that comes instead hangs on the same honey row", aRowThatComesInsteadHangsOnTheSameHoneyRow},
		{"what relatives share is not given one of them by rotation", whatRelativesShareIsNotGivenOneOfThem},
		{"a rotation killed at any step is settled", aRotationKilledAtAnyStepIsSettled},
		{"a plan in many transactions plants and removes the same", aPlanInManyTransactionsPlantsAndRemovesTheSame},
		{"a failure between transactions takes out what was planted, or keeps it if asked", aFailureBetweenTransactionsTakesOutWhatWasPlantedOrKeepsItIfAsked},
		{"a process killed between transactions is gone on with", aProcessKilledBetweenTransactionsIsGoneOnWith},
		{"a role with nothing but the plan's rights plans, plants, rotates, verifies and removes", aRoleWithThePlansRightsLivesThroughItAll},
		{"progress is reported for long work", progressIsReportedForLongWork},
		{"a decoy table is planned, made, verified and dropped", aDecoyTableIsPlannedMadeVerifiedAndDropped},
		{"a decoy table is not there before every proxy watches it", aDecoyTableIsNotThereBeforeEveryProxyWatchesIt},
		{"a decoy table that somebody uses is kept, and it is said why", aDecoyTableThatSomebodyUsesIsKept},
		{"a process killed at any step of a decoy table's life is settled", aProcessKilledAtAnyStepOfADecoyTablesLifeIsSettled},
	} {
		t.Run(c.name, func(t *testing.T) { c.test(t, g) })
	}
}

// Must ends the test on an error.
func Must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// Options are those of a small plan on server crm with a decoy domain.
func Options() seeder.Options {
	o := seeder.Options{Config: seeder.DefaultConfig(), Server: "crm", Seed: 7, PlantedBy: "dba@corp"}
	o.Domain = seeder.Domains{"mail.shop-partners.test"}
	o.SkipMeasure, o.SkipRedraw = true, true
	return o
}

// Wide are Options for all tables.
func Wide() seeder.Options {
	o := Options()
	o.MaxTables = 50
	return o
}

// Statements are those of a plan's grants that can be carried out: comments hold
// what is needed only at times.
func Statements(grants []string) (out []string) {
	for _, g := range grants {
		if i := strings.Index(g, ": GRANT"); i > 0 && strings.HasPrefix(g, "-- ") {
			g = g[i+2:]
		}
		if !strings.HasPrefix(g, "-- ") {
			out = append(out, g)
		}
	}
	return out
}

// Plan makes a plan, and shows the reasons if there is none.
func Plan(t *testing.T, s *seeder.Seeder, o seeder.Options) *seeder.Plan {
	t.Helper()
	p, err := s.Plan(t.Context(), o)
	if err != nil && p != nil {
		t.Fatalf("%v\n%s", err, p.Table())
	}
	Must(t, err)
	return p
}

// Cell is a column's cell in the first row of a plan.
func Cell(p *seeder.Plan, column string) *seeder.Cell {
	for _, c := range p.Tables[0].Rows[0].Cells {
		if c.Column == column {
			return c
		}
	}
	return nil
}

// NothingWatched fails if a token is live, planned or retired.
func NothingWatched(t *testing.T, st seeder.Store) {
	t.Helper()
	snap, err := st.Snapshot(t.Context())
	Must(t, err)
	if len(snap.Tokens) != 0 {
		t.Fatalf("%d tokens are watched, want none", len(snap.Tokens))
	}
}
