# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# What an operator gets wrong: each mistake ends with the status and the words of Debian's xl, and leaves nothing.

# bad_kernels: into /run, what its name says.
bad_kernels() {
    local bytes
    : >/run/empty
    head -c 70000 /dev/urandom >/run/garbage
    for bytes in 20 64 4096 1000000; do head -c $bytes /guests/vmlinux >/run/vmlinux.$bytes; done
    for bytes in 400 600 100000; do head -c $bytes /guests/vmlinuz >/run/vmlinuz.$bytes; done
    { head -c 64 /guests/vmlinux; head -c 100000 /guests/initrd; } >/run/elf.garbage
}

# A line of a configuration | xl's exit status | a pattern of what it, or the hypervisor, says
refusals() {
    cat <<'END'
kernel = "/run/empty"|3|zero length file
kernel = "/run/garbage"|3|no loader found: Invalid kernel
kernel = "/run/vmlinux.20"|3|no loader found: Invalid kernel
kernel = "/run/vmlinux.64"|3|no loader found: Invalid kernel
kernel = "/run/vmlinux.4096"|3|no loader found: Invalid kernel
kernel = "/run/vmlinux.1000000"|3|no loader found: Invalid kernel
kernel = "/run/vmlinuz.400"|3|no loader found: Invalid kernel
kernel = "/run/vmlinuz.600"|3|payload offset overflow: Invalid kernel
kernel = "/run/vmlinuz.100000"|3|payload length overflow: Invalid kernel
kernel = "/run/elf.garbage"|3|no loader found: Invalid kernel
kernel = "/bin/true"|3|no loader found: Invalid kernel
kernel = "/run/none"|3|failed to open file '/run/none'
ramdisk = "/run/none"|3|failed to open file '/run/none'
memory = 0|3|segment padding too large
memory = 20|3|segment kernel too large
memory = 100000000|3|can't allocate low memory for domain: Out of memory
memory = -1|1|Failed to parse config
vcpus = 513|3|createdomain refused: number of vcpus out of range
maxvcpus = 100000|3|createdomain refused: number of vcpus out of range
vcpus = 100000|3|avail_vcpus bitmap contains too many VCPUS
vcpus = -1|1|Failed to parse config
vcpus = 4; maxvcpus = 2|1|xl: maxvcpus < vcpus
cpus = "nonsense"|1|Invalid pcpu range: nonsense
cpu_weight = 100000|3|Cpu weight out of range
cap = 500|3|Cpu cap out of range
type = "nonsense"|1|Invalid domain type nonsense
max_grant_frames = 65|3|createdomain refused: number of grant frames out of range
max_grant_frames = 0|3|createdomain refused: number of grant frames out of range
max_maptrack_frames = 1025|3|createdomain refused: too many maptrack frames
max_grant_version = 3|3|createdomain refused: no such grant table version
pool = "nowhere"|6|Illegal pool specified: nowhere
iomem = [ "fffffffff,ffffffff" ]|3|failed give domain access to iomem range .*: Operation not permitted
irqs = [ 1000 ]|3|failed give domain access to irq 1000: Invalid argument
ioports = [ "fff0-1ffff" ]|3|failed give domain access to ioports fff0-1ffff: Invalid argument
ioports = [ "20-21" ]|3|failed give domain access to ioports 20-21: Operation not permitted
name = "Domain-0"|3|cannot make domain: -6
uuid = "nonsense"|1|Failed to parse UUID: nonsense
disk = [ "/run/none,raw,xvda,w" ]|3|failed to stat: /run/none: No such file
nonsense|1|config parsing error
END
}

# A command for a domain that does not exist | its exit status | a pattern of what it says
commands_for_nobody() {
    cat <<'END'
pause 4711|0|Pausing domain: No such process
unpause 4711|0|unable to get domain type for domid=4711
destroy 4711|1|Non-existant domain
shutdown 4711|1|shutdown failed \(rc=-3\)
reboot 4711|1|reboot failed \(rc=-3\)
domname 4711|1|maybe this domain does not exist
vcpu-list 4711|0|Getting infolist: No such file or directory
trigger 4711 nmi|0|Send trigger 'nmi' failed: No such process
mem-set 4711 64|1|cannot set domid 4711 dynamic max memory
mem-max 4711 64|1|cannot set domid 4711 static max memory
vcpu-set 4711 1|1|
vcpu-pin 4711 0 0|1|Could not get domain info
rename 4711 x|1|Can't rename domain '4711'
network-attach 4711|1|libxl_device_nic_add failed
console 4711|1|Unable to attach console
sched-credit -d 4711|1|libxl_domain_sched_params_get failed
sched-credit -d 4711 -w 3|1|libxl_domain_sched_params_set failed
destroy nobody|1|nobody is an invalid domain identifier
END
}

# expect WHAT STATUS PATTERN COMMAND...: the command's words and the hypervisor's have the pattern.
expect() {
    local said status=0
    xl dmesg -c >/dev/null
    said=$(timeout "$PATIENCE" "${@:4}" 2>&1 </dev/null) || status=$?
    same "status of $1" "$2" "$status"
    has "$1" "$3" "$said$(xl dmesg)"
}

# What comes before: a domain that is refused once as any other, for tables that stay; then the counts.
check_refused_configurations() {
    local line status pattern
    bad_kernels
    xl create -qp "$(config h)"
    xl destroy h
    until_true settled
    while IFS='|' read -r line status pattern; do
        expect "$line" "$status" "$pattern" xl create -qp "$(config h "$line")"
        gone h || fail "$line: the guest is there"
    done < <(refusals)
    unchanged 'all that was refused'
}

check_files_that_are_no_configurations() {
    echo 'name = "h' >/run/open.cfg
    echo >/run/empty.cfg
    expect 'an open string' 1 'lexical error' xl create -qp /run/open.cfg
    expect 'nothing' 1 'Domain name must be specified' xl create -qp /run/empty.cfg
    expect 'a program' 1 'Failed to parse config' xl create -qp /bin/true
    expect 'no file' 3 'Failed to read config file: /run/none' xl create -qp /run/none
}

check_nobody_as_target() {
    local command status pattern
    while IFS='|' read -r command status pattern; do
        # shellcheck disable=SC2086 # several words
        expect "xl $command" "$status" "$pattern" xl $command
    done < <(commands_for_nobody)
    unchanged 'commands for nobody'
}
