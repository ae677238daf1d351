$ErrorActionPreference = 'Stop'
$ProgressPreference = 'SilentlyContinue'
function Say($what) { [Console]::Out.WriteLine(($what | ConvertTo-Json -Compress -Depth 4)) }
try {
    if ($env:STATION_WORK -eq 'list') {
        $printers = Get-Printer | ForEach-Object { @{ name = $_.Name; printer = [uint32]$_.PrinterStatus } }
        Say @{ printers = @($printers) }
        return
    }
    Add-Type -AssemblyName System.Drawing
    $document = New-Object System.Drawing.Printing.PrintDocument
    if ($env:STATION_PRINTER) { $document.PrinterSettings.PrinterName = $env:STATION_PRINTER }
    $name = $document.PrinterSettings.PrinterName
    if (-not $document.PrinterSettings.IsValid) { Say @{ trouble = 'no-printer' }; return }

    if ($env:STATION_WORK -eq 'print') {
        $picture = [System.Drawing.Image]::FromFile($env:STATION_PICTURE)
        $culture = [System.Globalization.CultureInfo]::InvariantCulture
        $width = [double]::Parse($env:STATION_WIDTH_MM, $culture)
        $height = [double]::Parse($env:STATION_HEIGHT_MM, $culture)
        # Paper is counted in hundredths of an inch; one the driver knows within 2 mm is taken before a size of our own.
        $w = [int][math]::Round($width / 0.254)
        $h = [int][math]::Round($height / 0.254)
        $turned = $false
        $paper = $null
        foreach ($size in $document.PrinterSettings.PaperSizes) {
            if ([math]::Abs($size.Width - $w) -le 8 -and [math]::Abs($size.Height - $h) -le 8) { $paper = $size; break }
            if (-not $paper -and [math]::Abs($size.Width - $h) -le 8 -and [math]::Abs($size.Height - $w) -le 8) {
                $paper = $size
                $turned = $true
            }
        }
        if ($paper -and ([math]::Abs($paper.Width - $w) -le 8)) { $turned = $false }
        if (-not $paper) { $paper = New-Object System.Drawing.Printing.PaperSize('photo-station', $w, $h) }
        $document.DefaultPageSettings.PaperSize = $paper
        $document.DefaultPageSettings.Landscape = $turned
        $document.DefaultPageSettings.Margins = New-Object System.Drawing.Printing.Margins(0, 0, 0, 0)
        $document.OriginAtMargins = $false
        $document.DocumentName = $env:STATION_TITLE
        # The standard controller shows nothing, not even "printing page 1".
        $document.PrintController = New-Object System.Drawing.Printing.StandardPrintController
        $document.add_PrintPage({
            param($sender, $page)
            $page.Graphics.PageUnit = [System.Drawing.GraphicsUnit]::Millimeter
            # What is drawn begins at the corner of what the printer can reach, not at the paper's.
            $left = -0.254 * $page.PageSettings.HardMarginX
            $top = -0.254 * $page.PageSettings.HardMarginY
            $page.Graphics.DrawImage($picture, [single]$left, [single]$top, [single]$width, [single]$height)
            $page.HasMorePages = $false
        })
        $document.Print()
        $picture.Dispose()
    }

    $answer = @{ name = $name; printer = [uint32](Get-Printer -Name $name).PrinterStatus }
    if ($env:STATION_WORK -eq 'print') {
        $job = Get-PrintJob -PrinterName $name | Where-Object DocumentName -eq $env:STATION_TITLE |
            Sort-Object Id -Descending | Select-Object -First 1
        if ($job) { $answer.job = [uint32]$job.Id }
    }
    elseif ($env:STATION_JOB) {
        $job = Get-PrintJob -PrinterName $name -ID ([uint32]$env:STATION_JOB) -ErrorAction SilentlyContinue
        if ($job) {
            if ($env:STATION_WORK -eq 'forget') { $job | Remove-PrintJob }
            else { $answer.job = [uint32]$job.JobStatus }
        }
    }
    Say $answer
}
catch {
    Say @{ trouble = 'given-up' }
}
