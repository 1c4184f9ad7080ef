// Package types has the data of package ec2.
package types

// InstanceStateName is a word for the state of an instance.
type InstanceStateName string

// InstanceStateNameRunning is the state of an instance that works.
const InstanceStateNameRunning InstanceStateName = "running"

// InstanceState is the state of an instance.
type InstanceState struct{ Name InstanceStateName }

// Instance is a machine.
type Instance struct {
	InstanceId       *string
	PrivateIpAddress *string
	State            *InstanceState
}
