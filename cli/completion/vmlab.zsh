#compdef vmlab
# Completion of vmlab for zsh: vmlab itself says what fits at the cursor ("vmlab completion -- WORDS").

_vmlab() {
  local -a before lines described options
  local line value text also
  before=("${(@Q)words[2,CURRENT-1]}")
  ((CURRENT > 2)) || before=()
  lines=("${(@f)$(vmlab completion -- "${before[@]}" "${(Q)PREFIX}" 2>/dev/null)}")
  for line in "${lines[@]}"; do
    if [[ $line == :* ]]; then also=" ${line#:} "; continue; fi
    [[ -n $line ]] || continue
    value=${line%%$'\t'*}
    text=
    [[ $line != *$'\t'* ]] || text=${line#*$'\t'}
    value=${value//\\/\\\\}
    described+=("${value//:/\\:}${text:+:$text}")
  done
  [[ $also != *' open '* ]] || options=(-S '')
  local found=1
  if ((${#described})); then
    _describe -V -t vmlab 'vmlab' described "${options[@]}" && found=0
  fi
  case $also in
    *' files '*) _files && found=0 ;;
    *' folders '*) _files -/ && found=0 ;;
  esac
  return found
}

# Loaded by compinit from fpath it is called at once; sourced, it registers itself.
if [[ ${funcstack[1]} == _vmlab ]]; then
  _vmlab "$@"
elif (($+functions[compdef])); then
  compdef _vmlab vmlab
fi
