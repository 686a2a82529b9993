"""Phone numbers that ring nowhere: only ranges that the regulators reserve for fiction.

United States: NPA 555 01XX (NANPA). United Kingdom: Ofcom's numbers for TV and radio drama. France: Arcep's
numbers for audiovisual works. The mobile ranges of the last two (07700 900, 06 39 98) are left out on
purpose: libphonenumber calls them invalid, so an engine that validates would rightly refuse them.
"""

_US_AREAS = """
201 202 203 205 206 207 208 209 210 212 213 214 215 216 217 218 219 220 223 224 225 227 228 229 231
234 235 239 240 248 251 252 253 254 256 260 262 267 269 270 272 274 276 279 281 283 301 302 303 304
305 307 308 309 310 312 313 314 315 316 317 318 319 320 321 323 324 325 326 327 329 330 331 332 334
336 337 339 341 346 347 350 351 352 353 360 361 363 364 369 380 385 386 401 402 404 405 406 407 408
409 410 412 413 414 415 417 419 423 424 425 430 432 434 435 440 442 443 445 447 448 458 463 464 469
470 472 475 478 479 480 484 501 502 503 504 505 507 508 509 510 512 513 515 516 517 518 520 530 531
534 539 540 541 551 557 559 561 562 563 564 567 570 571 572 573 574 575 580 582 585 586 601 602 603
605 606 607 608 609 610 612 614 615 616 617 618 619 620 623 626 628 629 630 631 636 640 641 645 646
650 651 656 657 659 660 661 662 667 669 678 680 681 682 689 701 702 703 704 706 707 708 712 713 714
715 716 717 718 719 720 724 725 726 727 730 731 732 734 737 740 743 747 754 757 760 762 763 765 769
770 771 772 773 774 775 779 781 785 786 801 802 803 804 805 806 808 810 812 813 814 815 816 817 818
820 828 830 831 832 835 838 839 840 843 845 847 848 850 854 856 857 858 859 860 862 863 864 865 870
872 878 901 903 904 906 907 908 909 910 912 913 914 915 916 917 918 919 920 925 928 929 930 931 934
936 937 938 940 941 943 945 947 948 949 951 952 954 956 959 970 971 972 973 975 978 979 980 983 984
985 986 989
"""
_GB_HEADS = """
2079460 1134960 1144960 1164960 1174960 1184960 1214960 1314960 1414960 1514960 1614960 1914980
2890180 2920180
"""
_FR_HEADS = "019900 026191 035301 046571 053649"

_RANGES = {
    "US": ([area + "55501" for area in _US_AREAS.split()], 2),
    "GB": (_GB_HEADS.split(), 3),
    "FR": (_FR_HEADS.split(), 4),
}
CALLING_CODES = {"US": "1", "GB": "44", "FR": "33"}
_COUNTRY_OF_DOMAIN = {"uk": "GB", "fr": "FR"}


def national_number(country: str, draw: int) -> str:
    """Ten bare digits as the country writes them at home; the same draw always gives the same number."""
    heads, digits = _RANGES[country]
    rest, head = divmod(draw, len(heads))
    return f"{heads[head]}{rest % 10**digits:0{digits}d}"


def country_of(host: str) -> str:
    """The country a person is taken to live in: .uk, .fr, everything else the United States."""
    return _COUNTRY_OF_DOMAIN.get(host.rstrip(".").rpartition(".")[2].lower(), "US")


def every_number(country: str) -> list[str]:
    """All numbers that the country can be given, for a test of their validity."""
    heads, digits = _RANGES[country]
    return [f"{head}{rest:0{digits}d}" for head in heads for rest in range(10**digits)]
