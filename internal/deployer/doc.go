// Package deployer brings a new version into an environment for pipeline, by starting the command that the catalog
// names for it.
//
// What a command is told comes from events that anybody with access to the bus may have sent, so nothing of it is
// ever interpreted: there is no shell, the program is fixed in the catalog, and a value cannot turn an argument into
// an option. A shell script is safe as long as it quotes its arguments: "$1".
package deployer
