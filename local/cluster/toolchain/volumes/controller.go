// Package volumes makes local persistent volumes: on the node where the claim's first pod was put a disk of the claim's size (a
// sparse file behind a loop device), or a folder where that cannot be, and a PersistentVolume that ties the pod to that node
// from then on.
package volumes

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	corelisters "k8s.io/client-go/listers/core/v1"
	storagelisters "k8s.io/client-go/listers/storage/v1"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/util/workqueue"
	"k8s.io/klog/v2"
)

const (
	// Provisioner is the name that a StorageClass uses.
	Provisioner = "ballast.dev/local"

	selectedNode  = "volume.kubernetes.io/selected-node"
	provisionedBy = "pv.kubernetes.io/provisioned-by"
	claimKind     = "claim/"
	volumeKind    = "volume/"
)

// Controller looks at the whole state of one claim or volume each time, so a missed event or a crash between two steps
// is made good by the next look.
type Controller struct {
	client  kubernetes.Interface
	places  Places
	claims  corelisters.PersistentVolumeClaimLister
	volumes corelisters.PersistentVolumeLister
	nodes   corelisters.NodeLister
	classes storagelisters.StorageClassLister
	queue   workqueue.TypedRateLimitingInterface[string]
}

// Places is where volumes stand.
type Places struct {
	// Folders is where a node's volumes stand on the host; inside the node they are at NodePath.
	Folders  func(node string) string
	NodePath string
	// Devices holds a link to each volume's device, by node; on the host and on the nodes. In memory (devtmpfs), so that no link
	// to what has become another's device outlives a reboot. Empty: volumes are folders.
	Devices string
}

func (p Places) link(node, volume string) string { return filepath.Join(p.Devices, node, volume) }

func (p Places) file(node, volume string) string {
	return filepath.Join(p.Folders(node), volume+".img")
}

// isDisk tells the two kinds apart by what their object says, whatever is made now.
func isDisk(volume *corev1.PersistentVolume) bool { return volume.Spec.Local.FSType != nil }

// Run works until the context ends.
func Run(ctx context.Context, client kubernetes.Interface, places Places) error {
	factory := informers.NewSharedInformerFactory(client, 10*time.Minute)
	c := &Controller{
		client:  client,
		places:  places,
		claims:  factory.Core().V1().PersistentVolumeClaims().Lister(),
		volumes: factory.Core().V1().PersistentVolumes().Lister(),
		nodes:   factory.Core().V1().Nodes().Lister(),
		classes: factory.Storage().V1().StorageClasses().Lister(),
		queue: workqueue.NewTypedRateLimitingQueue(
			workqueue.NewTypedItemExponentialFailureRateLimiter[string](100*time.Millisecond, 30*time.Second)),
	}
	for informer, kind := range map[cache.SharedIndexInformer]string{
		factory.Core().V1().PersistentVolumeClaims().Informer(): claimKind,
		factory.Core().V1().PersistentVolumes().Informer():      volumeKind,
	} {
		if _, err := informer.AddEventHandler(c.enqueue(kind)); err != nil {
			return err
		}
	}
	factory.Core().V1().Nodes().Informer()
	factory.Storage().V1().StorageClasses().Informer()
	factory.Start(ctx.Done())
	for kind, synced := range factory.WaitForCacheSync(ctx.Done()) {
		if !synced {
			return fmt.Errorf("the list of %v was not read", kind)
		}
	}
	go func() {
		<-ctx.Done()
		c.queue.ShutDown()
	}()
	for c.next(ctx) {
	}
	return nil
}

func (c *Controller) enqueue(kind string) cache.ResourceEventHandler {
	add := func(object any) {
		if key, err := cache.DeletionHandlingMetaNamespaceKeyFunc(object); err == nil {
			c.queue.Add(kind + key)
		}
	}
	return cache.ResourceEventHandlerFuncs{AddFunc: add, UpdateFunc: func(_, object any) { add(object) }}
}

func (c *Controller) next(ctx context.Context) bool {
	key, quit := c.queue.Get()
	if quit {
		return false
	}
	defer c.queue.Done(key)
	var err error
	if name, isClaim := strings.CutPrefix(key, claimKind); isClaim {
		err = c.provision(ctx, name)
	} else {
		err = c.look(ctx, strings.TrimPrefix(key, volumeKind))
	}
	if err != nil {
		klog.ErrorS(err, "Will try again", "object", key)
		c.queue.AddRateLimited(key)
		return true
	}
	c.queue.Forget(key)
	return true
}

func (c *Controller) provision(ctx context.Context, key string) error {
	namespace, name, err := cache.SplitMetaNamespaceKey(key)
	if err != nil {
		return nil
	}
	claim, err := c.claims.PersistentVolumeClaims(namespace).Get(name)
	if err != nil {
		return ignoreMissing(err)
	}
	nodeName := claim.Annotations[selectedNode]
	if claim.Spec.VolumeName != "" || claim.DeletionTimestamp != nil || nodeName == "" || claim.Spec.StorageClassName == nil {
		return nil
	}
	class, err := c.classes.Get(*claim.Spec.StorageClassName)
	if err != nil || class.Provisioner != Provisioner {
		return ignoreMissing(err)
	}
	node, err := c.nodes.Get(nodeName)
	if err != nil {
		return err
	}
	volumeName := "pvc-" + string(claim.UID)
	size := claim.Spec.Resources.Requests[corev1.ResourceStorage]
	source, err := c.make(nodeName, volumeName, size.Value())
	if err != nil {
		return err
	}
	policy := corev1.PersistentVolumeReclaimDelete
	if class.ReclaimPolicy != nil {
		policy = *class.ReclaimPolicy
	}
	mode := corev1.PersistentVolumeFilesystem
	volume := &corev1.PersistentVolume{
		ObjectMeta: metav1.ObjectMeta{Name: volumeName, Annotations: map[string]string{provisionedBy: Provisioner}},
		Spec: corev1.PersistentVolumeSpec{
			StorageClassName:              class.Name,
			PersistentVolumeReclaimPolicy: policy,
			AccessModes:                   claim.Spec.AccessModes,
			VolumeMode:                    &mode,
			Capacity:                      corev1.ResourceList{corev1.ResourceStorage: size},
			MountOptions:                  mountOptions(source),
			ClaimRef: &corev1.ObjectReference{
				APIVersion: "v1", Kind: "PersistentVolumeClaim", Namespace: namespace, Name: name, UID: claim.UID,
			},
			PersistentVolumeSource: corev1.PersistentVolumeSource{Local: source},
			NodeAffinity:           onNode(node.Labels[corev1.LabelHostname]),
		},
	}
	_, err = c.client.CoreV1().PersistentVolumes().Create(ctx, volume, metav1.CreateOptions{})
	if apierrors.IsAlreadyExists(err) {
		return nil
	}
	return err
}

// make gives a volume its place; the kubelet formats and mounts a disk.
func (c *Controller) make(node, name string, size int64) (*corev1.LocalVolumeSource, error) {
	if c.places.Devices != "" {
		file, link := c.places.file(node, name), c.places.link(node, name)
		if err := sparse(file, size); err != nil {
			return nil, err
		}
		fsType := "ext4"
		return &corev1.LocalVolumeSource{Path: link, FSType: &fsType}, attach(file, link)
	}
	folder := filepath.Join(c.places.Folders(node), name)
	if err := os.MkdirAll(folder, 0o777); err != nil {
		return nil, err
	}
	// Pods run as many users; the mode must not depend on our umask.
	return &corev1.LocalVolumeSource{Path: filepath.Join(c.places.NodePath, name)}, os.Chmod(folder, 0o777)
}

func mountOptions(source *corev1.LocalVolumeSource) []string {
	if source.FSType == nil {
		return nil
	}
	// What is deleted in a volume is free on the machine again.
	return []string{"discard"}
}

func onNode(hostname string) *corev1.VolumeNodeAffinity {
	return &corev1.VolumeNodeAffinity{Required: &corev1.NodeSelector{NodeSelectorTerms: []corev1.NodeSelectorTerm{{
		MatchExpressions: []corev1.NodeSelectorRequirement{{
			Key: corev1.LabelHostname, Operator: corev1.NodeSelectorOpIn, Values: []string{hostname},
		}},
	}}}}
}

// look keeps a volume's device attached, or reclaims a volume whose claim is gone.
func (c *Controller) look(ctx context.Context, name string) error {
	volume, err := c.volumes.Get(name)
	if err != nil {
		return ignoreMissing(err)
	}
	if volume.Annotations[provisionedBy] != Provisioner || volume.Spec.Local == nil {
		return nil
	}
	node, err := nodeOf(volume)
	if err != nil {
		return err
	}
	if volume.Status.Phase == corev1.VolumeReleased &&
		volume.Spec.PersistentVolumeReclaimPolicy == corev1.PersistentVolumeReclaimDelete {
		return c.reclaim(ctx, volume, node)
	}
	if isDisk(volume) {
		return attach(c.places.file(node, name), volume.Spec.Local.Path)
	}
	return nil
}

// reclaim removes the data first: a crash before the object is gone leaves a volume to look at again.
func (c *Controller) reclaim(ctx context.Context, volume *corev1.PersistentVolume, node string) error {
	data := filepath.Join(c.places.Folders(node), filepath.Base(volume.Spec.Local.Path))
	if isDisk(volume) {
		data = c.places.file(node, volume.Name)
		if err := detach(data, volume.Spec.Local.Path); err != nil {
			return err
		}
	}
	if err := os.RemoveAll(data); err != nil {
		return err
	}
	return ignoreMissing(c.client.CoreV1().PersistentVolumes().Delete(ctx, volume.Name, metav1.DeleteOptions{
		Preconditions: &metav1.Preconditions{UID: ptr(volume.UID)},
	}))
}

func nodeOf(volume *corev1.PersistentVolume) (string, error) {
	if affinity := volume.Spec.NodeAffinity; affinity != nil && affinity.Required != nil {
		for _, term := range affinity.Required.NodeSelectorTerms {
			for _, expression := range term.MatchExpressions {
				if expression.Key == corev1.LabelHostname && len(expression.Values) == 1 {
					return expression.Values[0], nil
				}
			}
		}
	}
	return "", fmt.Errorf("volume %s does not name its node", volume.Name)
}

func ptr(uid types.UID) *types.UID { return &uid }

func ignoreMissing(err error) error {
	if apierrors.IsNotFound(err) {
		return nil
	}
	return err
}
