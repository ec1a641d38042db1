namespace Laptime.Fingerprints;

/// <summary>
/// Git's wildmatch, result for result (its wildmatch.c is the specification, oddities included). Both texts hold one byte of the
/// name per character, as git compares bytes: `?` is half of a non-ASCII letter.
/// </summary>
internal static class WildMatch
{
    private enum Result
    {
        Match,
        NoMatch,
        AbortAll,
        AbortToStarStar,
    }

    /// <param name="pathName">`*` and `?` stop at '/'; `**` does not.</param>
    public static bool Matches(ReadOnlySpan<char> pattern, ReadOnlySpan<char> text, bool pathName, bool foldCase) =>
        Run(pattern, 0, text, 0, pathName, foldCase) == Result.Match;

    private static char At(ReadOnlySpan<char> text, int i) => i < text.Length ? text[i] : '\0';

    private static char Lower(char c) => c is >= 'A' and <= 'Z' ? (char)(c | 0x20) : c;

    private static Result Run(ReadOnlySpan<char> p, int start, ReadOnlySpan<char> text, int t, bool pathName, bool fold)
    {
        for (var i = start; i < p.Length; i++, t++)
        {
            var pc = p[i];
            var tc = At(text, t);
            if (tc == '\0' && pc != '*')
            {
                return Result.AbortAll;
            }

            if (fold)
            {
                (pc, tc) = (Lower(pc), Lower(tc));
            }

            switch (pc)
            {
                case '?':
                    if (pathName && tc == '/')
                    {
                        return Result.NoMatch;
                    }

                    continue;

                case '*':
                    {
                        bool matchSlash;
                        i++;
                        if (At(p, i) == '*')
                        {
                            var before = i - 2;
                            while (At(p, ++i) == '*')
                            {
                            }

                            if (!pathName)
                            {
                                matchSlash = true;
                            }
                            else if ((before < start || p[before] == '/') && (At(p, i) is '\0' or '/' || (At(p, i) == '\\' && At(p, i + 1) == '/')))
                            {
                                // "**/" may stand for nothing at all.
                                if (At(p, i) == '/' && Run(p, i + 1, text, t, pathName, fold) == Result.Match)
                                {
                                    return Result.Match;
                                }

                                matchSlash = true;
                            }
                            else
                            {
                                matchSlash = false;
                            }
                        }
                        else
                        {
                            matchSlash = !pathName;
                        }

                        if (i >= p.Length)
                        {
                            return !matchSlash && text[t..].Contains('/') ? Result.NoMatch : Result.Match;
                        }

                        if (!matchSlash && p[i] == '/')
                        {
                            var slash = t < text.Length ? text[t..].IndexOf('/') : -1;
                            if (slash < 0)
                            {
                                return Result.NoMatch;
                            }

                            t += slash;
                            continue;
                        }

                        while (t < text.Length)
                        {
                            tc = text[t];
                            if (!IsSpecial(p[i]))
                            {
                                pc = fold ? Lower(p[i]) : p[i];
                                while ((tc = At(text, t)) != '\0' && (matchSlash || tc != '/'))
                                {
                                    tc = fold ? Lower(tc) : tc;
                                    if (tc == pc)
                                    {
                                        break;
                                    }

                                    t++;
                                }

                                if (tc != pc)
                                {
                                    return Result.NoMatch;
                                }
                            }

                            var rest = Run(p, i, text, t, pathName, fold);
                            if (rest != Result.NoMatch)
                            {
                                if (!matchSlash || rest != Result.AbortToStarStar)
                                {
                                    return rest;
                                }
                            }
                            else if (!matchSlash && tc == '/')
                            {
                                return Result.AbortToStarStar;
                            }

                            t++;
                        }

                        return Result.AbortAll;
                    }

                case '[':
                    {
                        var set = Set(p, ref i, tc, fold);
                        if (set is null)
                        {
                            return Result.AbortAll;
                        }

                        if (set == false || (pathName && tc == '/'))
                        {
                            return Result.NoMatch;
                        }

                        continue;
                    }

                case '\\':
                    pc = At(p, ++i);
                    goto default;

                default:
                    if (tc != pc)
                    {
                        return Result.NoMatch;
                    }

                    continue;
            }
        }

        return t < text.Length ? Result.NoMatch : Result.Match;
    }

    /// <summary>A bracket expression; <paramref name="i"/> ends on its `]`. Null: it is not closed or names an unknown class, and nothing can match.</summary>
    private static bool? Set(ReadOnlySpan<char> p, ref int i, char tc, bool fold)
    {
        var pc = At(p, ++i);
        var negated = pc is '!' or '^';
        if (negated)
        {
            pc = At(p, ++i);
        }

        var previous = '\0';
        var matched = false;
        do
        {
            if (pc == '\0')
            {
                return null;
            }

            if (pc == '\\')
            {
                pc = At(p, ++i);
                if (pc == '\0')
                {
                    return null;
                }

                matched |= tc == pc;
            }
            else if (pc == '-' && previous != '\0' && At(p, i + 1) is not ('\0' or ']'))
            {
                pc = At(p, ++i);
                if (pc == '\\')
                {
                    pc = At(p, ++i);
                    if (pc == '\0')
                    {
                        return null;
                    }
                }

                matched |= tc <= pc && tc >= previous;
                if (fold && tc is >= 'a' and <= 'z')
                {
                    var upper = (char)(tc & ~0x20);
                    matched |= upper <= pc && upper >= previous;
                }

                pc = '\0';
            }
            else if (pc == '[' && At(p, i + 1) == ':')
            {
                var from = i + 2;
                i = from;
                while (At(p, i) is not ('\0' or ']'))
                {
                    i++;
                }

                if (At(p, i) == '\0')
                {
                    return null;
                }

                var length = i - from - 1;
                if (length < 0 || p[i - 1] != ':')
                {
                    i = from - 2;
                    pc = '[';
                    matched |= tc == pc;
                    continue;
                }

                if (InClass(p.Slice(from, length), tc, fold) is not { } inClass)
                {
                    return null;
                }

                matched |= inClass;
                pc = '\0';
            }
            else
            {
                matched |= tc == pc;
            }
        }
        while (Advance(p, ref i, ref pc, ref previous));

        return matched != negated;
    }

    private static bool Advance(ReadOnlySpan<char> p, ref int i, ref char pc, ref char previous)
    {
        previous = pc;
        pc = At(p, ++i);
        return pc != ']';
    }

    private static bool? InClass(ReadOnlySpan<char> name, char c, bool fold) => name switch
    {
        "alnum" => char.IsAsciiLetterOrDigit(c),
        "alpha" => char.IsAsciiLetter(c),
        "blank" => c is ' ' or '\t',
        "cntrl" => c < 32 || c == 127,
        "digit" => char.IsAsciiDigit(c),
        "graph" => c is > ' ' and < (char)127,
        "lower" => char.IsAsciiLetterLower(c),
        "print" => c is >= ' ' and < (char)127,
        "punct" => c is > ' ' and < (char)127 && !char.IsAsciiLetterOrDigit(c),
        "space" => c is ' ' or '\t' or '\n' or '\r',
        "upper" => char.IsAsciiLetterUpper(c) || (fold && char.IsAsciiLetterLower(c)),
        "xdigit" => char.IsAsciiHexDigit(c),
        _ => null,
    };

    internal static bool IsSpecial(char c) => c is '*' or '?' or '[' or '\\';
}
