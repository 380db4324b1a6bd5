# vmlab as make targets, for the lab in this folder or in LAB=folder. Your own Makefile can have them too:
#   include /path/to/vmlab/scripts/vmlab.mk

vmlab-mk := $(lastword $(MAKEFILE_LIST))

VMLAB ?= vmlab
# Files that have to be made before vmlab can run.
VMLAB_NEEDS ?=

# What the user gave stays as it was typed: neither make nor a shell expands it, as shells find it in their environment.
# Variables that were there before are somebody else's (some systems set NAME), so they do not count.
define vmlab-as-typed
ifeq ($$(origin $(1)),command line)
override $(1) := $$(value $(1))
export $(1)
else ifneq ($$(filter environment%,$$(origin $(1))),)
override $(1) :=
else ifeq ($$(origin $(1)),file)
export $(1)
endif
endef
vmlab-words = NAME ROLE SOURCE TARGET ACTION SNAPSHOT LAB YES
$(foreach word,$(vmlab-words),$(eval $(call vmlab-as-typed,$(word))))
vmlab-roles = docker k8s lxd kata observer

# $(call vmlab-need,VARIABLE,example): refuses to go on without a value, or with one that would be taken for an option.
vmlab-need = $(if $(strip $($(1))),,$(error make $@ needs $(1): make $@ $(vmlab-usage)))$(if \
  $(filter -%,$($(1))),$(error $(1)=$($(1)) is no name))

# In a shell that expands no globs, so that several names, and globs of VMs, can be given: NAME='web db k8s-*'.
vmlab-run = @set -f; exec $(VMLAB) -C "$${LAB:-.}"
vmlab-yes = $(if $(filter 1 y yes true,$(YES)),--yes)

.PHONY: help plan apply destroy list images start stop ssh delete export build clone snapshot
.PHONY: $(vmlab-roles:%=create-%)

# The first target, so that make alone shows what there is.
help:
	@awk -F ' ## ' ' \
	  /^##@/ { printf "%s%s:\n", (groups++ ? "\n" : ""), substr($$0, 5); next } \
	  /^[a-z][a-z0-9-]*:.* ## / { usage = $$1; sub(/:.*/, "", usage); \
	    usage = "  make " usage (NF > 2 ? " " $$2 : ""); \
	    if (length(usage) > 38) { print usage; usage = "" } \
	    printf "%-38s  %s\n", usage, $$NF }' $(vmlab-mk) $(filter-out $(vmlab-mk),$(MAKEFILE_LIST))

##@ The lab in this folder, or LAB=folder (YES=1: no questions)

plan: $(VMLAB_NEEDS) ## Show what apply would do
	$(vmlab-run) plan

apply: $(VMLAB_NEEDS) ## Make the lab what lab.toml says
	$(vmlab-run) apply $(vmlab-yes)

destroy: $(VMLAB_NEEDS) ## Delete what the lab has made
	$(vmlab-run) destroy $(vmlab-yes)

list: $(VMLAB_NEEDS) ## List the VMs
	$(vmlab-run) list

##@ Machines

create-docker: ## [NAME=web] ## Make a VM with the role docker
create-k8s: ## [NAME=web] ## The same with the role k8s
create-lxd: ## [NAME=web] ## The same with the role lxd
create-kata: ## [NAME=web] ## The same with the role kata
create-observer: ## [NAME=web] ## The same with the role observer
$(vmlab-roles:%=create-%): create-%: $(VMLAB_NEEDS)
	$(if $(NAME),$(call vmlab-need,NAME))$(vmlab-run) create $$NAME --role $* $(vmlab-yes)

start: vmlab-usage = NAME=web
start: $(VMLAB_NEEDS) ## NAME=web ## Start VMs: names or globs
	$(call vmlab-need,NAME)$(vmlab-run) start $$NAME

stop: vmlab-usage = NAME=web
stop: $(VMLAB_NEEDS) ## NAME=web ## Stop VMs
	$(call vmlab-need,NAME)$(vmlab-run) stop $$NAME

ssh: vmlab-usage = NAME=web
ssh: $(VMLAB_NEEDS) ## NAME=web ## Log in to a VM
	$(call vmlab-need,NAME)$(vmlab-run) ssh "$$NAME"

delete: vmlab-usage = NAME=web
delete: $(VMLAB_NEEDS) ## NAME=web ## Delete VMs, also from lab.toml
	$(call vmlab-need,NAME)$(vmlab-run) delete $$NAME $(vmlab-yes)

clone: vmlab-usage = SOURCE=web TARGET=web-2
clone: $(VMLAB_NEEDS) ## SOURCE=web TARGET=web-2 ## Make a VM from another
	$(call vmlab-need,SOURCE)$(call vmlab-need,TARGET)$(vmlab-run) clone "$$SOURCE" "$$TARGET" $(vmlab-yes)

vmlab-actions = create list restore delete
snapshot: vmlab-usage = NAME=web ACTION=$(or $(filter $(vmlab-actions),$(ACTION)),create)$(vmlab-of-snapshot)
snapshot: vmlab-of-snapshot = $(if $(filter restore delete,$(ACTION)), SNAPSHOT=clean)
snapshot: vmlab-action = $(if $(filter $(vmlab-actions),$(ACTION)),,$(error \
  ACTION is create, list, restore or delete: make $@ $(vmlab-usage)))
snapshot: vmlab-snapshot = $(if $(vmlab-of-snapshot),$(call vmlab-need,SNAPSHOT))
snapshot: vmlab-options = $(if $(filter-out list,$(ACTION)),$(if $(SNAPSHOT),--name "$$SNAPSHOT")) \
  $(if $(filter restore,$(ACTION)),$(vmlab-yes))
snapshot: $(VMLAB_NEEDS) ## NAME=web ACTION=create|list|restore|delete [SNAPSHOT=clean] ## Snapshots of VMs
	$(call vmlab-need,NAME)$(call vmlab-need,ACTION)$(vmlab-action)$(vmlab-snapshot)$(vmlab-run) snapshot $(ACTION) $$NAME $(vmlab-options)

##@ Images

images: $(VMLAB_NEEDS) ## List the images in the store
	$(vmlab-run) images

ifndef VMLAB_OWN_BUILD
build: vmlab-usage = ROLE=docker
build: $(VMLAB_NEEDS) ## ROLE=docker ## Build a role or custom image
	$(call vmlab-need,ROLE)$(vmlab-run) images build $$ROLE
endif

export: vmlab-usage = NAME=web TARGET=web-base
export: $(VMLAB_NEEDS) ## NAME=web TARGET=web-base ## Make an image of a VM that is off
	$(call vmlab-need,NAME)$(call vmlab-need,TARGET)$(vmlab-run) export "$$NAME" "$$TARGET" $(vmlab-yes)
