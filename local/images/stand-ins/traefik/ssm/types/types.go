// Package types has the data of package ssm.
package types

// InstanceInformation is what is known of a managed machine.
type InstanceInformation struct {
	InstanceId *string
	IPAddress  *string
}

// InstanceInformationStringFilter chooses machines.
type InstanceInformationStringFilter struct {
	Key    *string
	Values []string
}
