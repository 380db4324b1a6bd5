# Completion of vmlab for fish: vmlab itself says what fits at the cursor ("vmlab completion -- WORDS").

function __vmlab_complete
    command -q vmlab; or return
    set -l before (commandline -opc)
    set -e before[1]
    set -l current (commandline -ct | string unescape)
    for line in (vmlab completion -- $before "$current" 2>/dev/null)
        if not string match -q ':*' -- $line
            printf '%s\n' $line
            continue
        end
        if string match -q '*files*' -- $line
            __fish_complete_path "$current"
        else if string match -q '*folders*' -- $line
            __fish_complete_directories "$current"
        end
    end
end

complete -c vmlab -f -k -a '(__vmlab_complete)'
