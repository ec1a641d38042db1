namespace Laptime.Ledgers.Tools.Flyway;

/// <summary>Flyway's checksum (ChecksumCalculator.java): CRC32 over each line without its end, the byte order mark left out; a signed number.</summary>
internal static class LineChecksum
{
    private static readonly uint[] Table = MakeTable();

    public static int Of(ReadOnlySpan<byte> content)
    {
        if (content.StartsWith("\uFEFF"u8))
        {
            content = content[3..];
        }

        // A line ends with LF, CR or CRLF, and none of them counts: so it is the bytes without them.
        var crc = uint.MaxValue;
        foreach (var b in content)
        {
            if (b is not ((byte)'\n' or (byte)'\r'))
            {
                crc = Table[(byte)(crc ^ b)] ^ (crc >> 8);
            }
        }

        return unchecked((int)~crc);
    }

    private static uint[] MakeTable()
    {
        var table = new uint[256];
        for (var i = 0u; i < 256; i++)
        {
            var value = i;
            for (var bit = 0; bit < 8; bit++)
            {
                value = (value & 1) != 0 ? (value >> 1) ^ 0xEDB88320 : value >> 1;
            }

            table[i] = value;
        }

        return table;
    }
}
