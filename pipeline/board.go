package pipeline

// Board is what an environment is busy with.
type Board struct {
	Environment string
	Held        *Run  // the run that holds it; nil when it is free
	Waiting     []Run // in the order they will run
}
